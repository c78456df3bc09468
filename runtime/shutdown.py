"""Stopping as an event that every wait observes."""

import signal
import threading
from types import FrameType


class Shutdown:
    """Set once by SIGTERM or SIGINT; every loop waits on it instead of sleeping."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def install(self) -> None:
        """Take SIGTERM and SIGINT. Main thread only."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._event.set()

    def request(self) -> None:
        """Ask everything to drain."""
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether draining has begun."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds``; true as soon as draining has begun."""
        return self._event.wait(seconds)
