"""How long to wait before the next try: doubling, within bounds, spread so that processes do not try in step."""

_MOST_DOUBLINGS = 30


def backoff(failures: int, *, first: float, longest: float, spread: float) -> float:
    """Seconds to wait after ``failures`` failures in a row (1 or more); ``spread`` from 0 to 1 adds up to half."""
    whole = min(longest, first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
    return whole * (0.5 + spread / 2)
