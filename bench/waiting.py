"""Waiting for what another process does."""

import time
from collections.abc import Callable

_POLL_SECONDS = 0.02


def until(done: Callable[[], bool], timeout_seconds: float, complaint: str) -> None:
    """Raises TimeoutError with the complaint."""
    deadline = time.monotonic() + timeout_seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(_POLL_SECONDS)
