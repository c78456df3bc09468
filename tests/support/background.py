"""Servers that start while others do."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


class Background(Generic[T]):
    """Starts something once, in a thread of its own, and closes it if it was ever started."""

    def __init__(self, start: Callable[[], T]) -> None:
        self._start = start
        self._future: Future[T] | None = None

    def begin(self) -> None:
        """Returns at once; a second call does nothing."""
        if self._future is None:
            self._future = Future()
            Thread(target=self._run, args=(self._future,), daemon=True).start()

    def result(self) -> T:
        """Waits until it runs. Raises what starting it raised."""
        self.begin()
        assert self._future is not None
        return self._future.result()

    def close(self) -> None:
        """One that is still starting is left to its guard: it ends with this process."""
        if self._future is not None and self._future.done() and self._future.exception() is None:
            self._future.result().close()

    def _run(self, future: Future[T]) -> None:
        try:
            future.set_result(self._start())
        except BaseException as error:  # noqa: BLE001 - raised again by result()
            future.set_exception(error)
