"""Durations as people write them: ``90``, ``15m``, ``2h``."""

import re
from datetime import timedelta

_UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PATTERN = re.compile(r"^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)$")


def parse_duration(text: str) -> timedelta:
    """``"15m"`` → 15 minutes; a bare number is seconds. Raises ValueError that says how to write it."""
    match = _PATTERN.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write 30s, 15m, 2h or 1d")
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError as exc:
        raise ValueError(f"{text!r} is too long a duration") from exc
