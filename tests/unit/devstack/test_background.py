"""Things that start while others do, and are closed whatever became of them."""

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


def test_it_starts_once() -> None:
    starts: list[Thing] = []

    def start() -> Thing:
        starts.append(Thing(Event()))
        return starts[-1]

    background = Background(start)
    background.begin()
    assert background.result() is background.result()
    assert len(starts) == 1


def test_its_failure_is_the_callers() -> None:
    def start() -> Thing:
        raise LookupError("no such server")

    with pytest.raises(LookupError, match="no such server"):
        Background(start).result()


def test_nothing_begun_nothing_closed() -> None:
    thing = Thing(Event())
    Background(thing.start).close()
    assert not thing.closed.is_set()


def test_what_is_still_starting_when_closed_is_closed_later() -> None:
    may_start = Event()
    thing = Thing(may_start)
    background = Background(thing.start)
    background.begin()
    background.close()
    assert not thing.closed.is_set()
    may_start.set()
    assert thing.closed.wait(10)
