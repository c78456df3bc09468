"""Objects that start in the background and are always closed."""

from threading import Event

import pytest

from devstack.background import Background


class Thing:
    def __init__(self, may_start: Event) -> None:
        self.closed = Event()
        self._may_start = may_start

    def start(self) -> "Thing":
        self._may_start.wait(10)
        return self

    def close(self) -> None:
        self.closed.set()


def test_background_start_happens_once() -> None:
    starts: list[Thing] = []

    def start() -> Thing:
        starts.append(Thing(Event()))
        return starts[-1]

    background = Background(start)
    background.begin()
    assert background.result() is background.result()
    assert len(starts) == 1


def test_failed_background_start_raises_in_the_caller() -> None:
    def start() -> Thing:
        raise LookupError("no such server")

    with pytest.raises(LookupError, match="no such server"):
        Background(start).result()


def test_close_without_a_start_does_nothing() -> None:
    thing = Thing(Event())
    Background(thing.start).close()
    assert not thing.closed.is_set()


def test_object_that_starts_during_close_is_closed_afterwards() -> None:
    may_start = Event()
    thing = Thing(may_start)
    background = Background(thing.start)
    background.begin()
    background.close()
    assert not thing.closed.is_set()
    may_start.set()
    assert thing.closed.wait(10)
