"""Finds out why joining the group takes long: librdkafka only reports that it asks for the coordinator."""

import time
from collections.abc import Callable
from concurrent.futures import Future

from runtime.background import in_thread

_LATE_SECONDS = 5.0
_LOOK_EVERY = 30.0


class Joining:
    """Looks into a long wait for the group. The polling thread calls ``update`` once a second, any thread ``why``."""

    def __init__(self, look: Callable[[], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        """``look`` finds out why there is no coordinator, or returns None; it may take seconds."""
        self._look = look
        self._clock = clock
        self._look_at = clock() + _LATE_SECONDS
        self._looking: Future[str | None] | None = None
        self._why: str | None = None

    def update(self, *, waits: bool) -> None:
        """Note whether the group is waited for. A long wait starts a look in a thread, every 30 s. Never waits."""
        now = self._clock()
        if self._looking is not None and self._looking.done():
            self._why, self._looking = self._looking.result(), None
        if not waits:
            self._why, self._look_at = None, now + _LATE_SECONDS
        elif self._looking is None and now >= self._look_at:
            self._looking = in_thread("consumer-diagnosis", self._look)
            self._look_at = now + _LOOK_EVERY

    def why(self) -> str | None:
        """The reason found; None when no look has found one."""
        return self._why
