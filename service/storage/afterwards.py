"""Calls that wait until the present transaction has committed: log lines and counters of its effects."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_waiting: ContextVar[list[Callable[[], object]] | None] = ContextVar("waiting", default=None)


@contextmanager
def collected() -> Iterator[None]:
    """Collect the calls of a transaction; make them after the block, and drop them when it raises."""
    calls: list[Callable[[], object]] = []
    outer = _waiting.set(calls)
    try:
        yield
    finally:
        _waiting.reset(outer)
    for call in calls:
        call()


def after_commit(call: Callable[[], object]) -> None:
    """Make ``call`` once the present transaction of this thread has committed; never if it rolls back.

    Log lines go this way: a line that reports an effect is written only after the effect is durable.
    """
    calls = _waiting.get()
    if calls is None:
        call()
    else:
        calls.append(call)
