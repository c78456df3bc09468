"""Shutdown as an event that every wait observes."""

import signal
import threading
from types import FrameType


class Shutdown:
    """SIGTERM or SIGINT sets it once. Every loop waits on it instead of sleeping."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def install(self) -> None:
        """Handle SIGTERM and SIGINT. Only the main thread may call this."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._event.set()

    def request(self) -> None:
        """Begin draining."""
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether draining has begun."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds``. Returns true as soon as draining has begun."""
        return self._event.wait(seconds)
