"""A call with a deadline, wherever it hangs: name resolution, too, which has no time-out of its own."""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """The call's result. Raises TimeoutError after ``seconds``; the call then ends unnoticed, in its own thread."""
    future: Future[T] = Future()
    # With the caller's context: its names for the log, and its span.
    Thread(target=copy_context().run, args=(_run, future, call), name="stripe-read", daemon=True).start()
    return future.result(seconds)


def _run(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as exc:  # noqa: BLE001 - raised in the thread that waits for the result
        future.set_exception(exc)
