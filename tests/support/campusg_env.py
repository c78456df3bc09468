"""The settings in `campusg.env`."""

from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "campusg.env"
PLACES = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "HOST", "PORT")
"""Addresses in CampusG's compose network, which differ elsewhere."""


def campusg_env() -> dict[str, str]:
    """All settings, as Docker and a shell read them."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def campusg_settings() -> dict[str, str]:
    """The settings that are no addresses."""
    return {name: value for name, value in campusg_env().items() if name not in PLACES}
