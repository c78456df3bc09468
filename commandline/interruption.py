"""Ctrl-C between the steps of work, so that what is counted as done has been done, and nothing else has."""

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class WorkInterruptedError(KeyboardInterrupt):
    """Ctrl-C after this much was ``done``."""

    def __init__(self, done: int) -> None:
        super().__init__()
        self.done = done


def whole_steps(steps: Iterable[T]) -> Iterator[T]:
    """The steps. Ctrl-C within one waits until the caller has used it; a second Ctrl-C raises at once."""
    coming = iter(steps)
    while True:
        with _held_until_the_end():
            try:
                step = next(coming)
            except StopIteration:
                return
            yield step


@contextmanager
def _held_until_the_end() -> Iterator[None]:
    """An effect and the count of it belong together: a signal between its commit and the count would lose the count."""
    in_background = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # a job of a script
    if in_background or threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return
    held = False

    def hold(_number: int, _frame: FrameType | None) -> None:
        nonlocal held
        if held:
            raise KeyboardInterrupt
        held = True

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt
