"""Work in daemon threads: a call that hangs in one can't keep the process alive."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def in_thread(name: str, call: Callable[[], T]) -> "Future[T]":
    """Run ``call`` in a daemon thread of its own. The future gets its result, or the exception that it raised."""
    done: Future[T] = Future()
    Thread(target=_settle, args=(done, call), name=name, daemon=True).start()
    return done


def _settle(done: "Future[T]", call: Callable[[], T]) -> None:
    try:
        done.set_result(call())
    except BaseException as exc:  # noqa: BLE001 - raised again in the thread that waits
        done.set_exception(exc)
