"""The settings in `campusg.env`."""

from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "campusg.env"
PLACES = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "HOST", "PORT")
"""Where things are in CampusG's compose network; elsewhere they are somewhere else."""


def campusg_env() -> dict[str, str]:
    """All of them, as Docker and a shell read them."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def campusg_settings() -> dict[str, str]:
    """Those that don't say where something is."""
    return {name: value for name, value in campusg_env().items() if name not in PLACES}
