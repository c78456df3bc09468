"""Durations as people write them, ``90``, ``15m``, ``2h``, and as they read them, ``3 min 5 s``."""

import re
from datetime import timedelta

_UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
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


def age(seconds: float | None) -> str:
    """``12 s``, ``3 min 5 s``, ``2 h 40 min``, ``6 d 3 h``; an en dash for None."""
    if seconds is None:
        return "–"
    left = max(int(seconds), 0)
    parts: list[str] = []
    for size, name in _SIZES:
        if left >= size or (parts and len(parts) < 2):
            parts.append(f"{left // size} {name}")
            left %= size
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 s"
