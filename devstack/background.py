"""Starts servers in parallel."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


class Background(Generic[T]):
    """Starts one thing in its own thread, once, and closes it if it was started.

    The thread is a daemon, so that Ctrl-C need not wait for a server that is still starting.
    """

    def __init__(self, start: Callable[[], T]) -> None:
        self._start = start
        self._future: Future[T] = Future()
        self._lock = Lock()
        self._begun = False
        self._unwanted = False

    def begin(self) -> None:
        """Start it and return at once; a second call does nothing."""
        with self._lock:
            begin_now, self._begun = not self._begun, True
        if begin_now:
            Thread(target=self._run, daemon=True).start()

    def result(self) -> T:
        """Wait for the start. Raises the exception of the start, if there was one."""
        self.begin()
        return self._future.result()

    def close(self) -> None:
        """Close it. A thing that is still starting closes after its start, or ends with this process."""
        with self._lock:
            self._unwanted = True
            started = self._future.done() and self._future.exception() is None
        if started:
            self._future.result().close()

    def _run(self) -> None:
        try:
            thing = self._start()
        except BaseException as error:  # noqa: BLE001 - raised again by result()
            self._future.set_exception(error)
            return
        with self._lock:
            self._future.set_result(thing)
            unwanted = self._unwanted
        if unwanted:
            thing.close()
