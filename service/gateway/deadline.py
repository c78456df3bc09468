"""A call that is waited for only so long, whatever it hangs in: name resolution too, which has no time-out."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """The call's result. Raises TimeoutError when it takes longer: the call then ends on its own, unheard."""
    future: Future[T] = Future()
    Thread(target=_run, args=(future, call), name="stripe-read", daemon=True).start()
    return future.result(seconds)


def _run(future: Future[T], call: Callable[[], T]) -> None:
    try:
        future.set_result(call())
    except BaseException as exc:  # noqa: BLE001 - raised where the result is asked for
        future.set_exception(exc)
