"""Why the group is not joined, where that takes long: librdkafka says nothing but that it asks for the coordinator."""

import time
from collections.abc import Callable
from concurrent.futures import Future

from runtime.background import in_thread

_LATE_SECONDS = 5.0
_LOOK_EVERY = 30.0


class Joining:
    """Told once a second whether the group is waited for; asked by any thread."""

    def __init__(self, look: Callable[[], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        """``look`` finds out why there is no coordinator, None where nothing is seen; it may take seconds."""
        self._look = look
        self._clock = clock
        self._look_at = clock() + _LATE_SECONDS
        self._looking: Future[str | None] | None = None
        self._why: str | None = None

    def tell(self, *, waits: bool) -> None:
        """Looks, in a thread of its own, once the wait is long and now and then while it lasts. Never waits."""
        now = self._clock()
        if self._looking is not None and self._looking.done():
            self._why, self._looking = self._looking.result(), None
        if not waits:
            self._why, self._look_at = None, now + _LATE_SECONDS
        elif self._looking is None and now >= self._look_at:
            self._looking = in_thread("consumer-diagnosis", self._look)
            self._look_at = now + _LOOK_EVERY

    def why(self) -> str | None:
        """What was found; None before, and where nothing was."""
        return self._why
