"""Work in daemon threads: whatever hangs in one can't keep the process from ending."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def in_thread(name: str, call: Callable[[], T]) -> "Future[T]":
    """``call`` in a thread of its own; a call that never returns keeps nobody."""
    done: Future[T] = Future()
    Thread(target=_settle, args=(done, call), name=name, daemon=True).start()
    return done


def _settle(done: "Future[T]", call: Callable[[], T]) -> None:
    try:
        done.set_result(call())
    except BaseException as exc:  # noqa: BLE001 - raised again by whoever waits
        done.set_exception(exc)
