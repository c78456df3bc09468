"""Waits for a state that nothing announces, by polling."""

import time
from collections.abc import Callable
from typing import TypeVar

_PAUSE_SECONDS = 0.05

T = TypeVar("T")


def until(ask: Callable[[], T | None], why: str, seconds: float = 30.0, *, pause: float = _PAUSE_SECONDS) -> T:
    """The first true answer. Raises TimeoutError with ``why`` when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in {seconds:.0f} s: {why}")
        time.sleep(pause)
    return answer
