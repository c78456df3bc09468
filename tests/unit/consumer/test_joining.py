"""The cause of a long wait for the group is searched in a thread of its own."""

from threading import Event

from consumer.joining import Joining
from tests.unit.consumer.test_waits import Clock


def looked(joining: Joining, clock: Clock, ended: Event) -> None:
    """One more second of waiting, after the search has ended."""
    assert ended.wait(10)
    clock.now += 1
    while joining.why() is None:
        joining.update(waits=True)


def made(clock: Clock) -> tuple[Joining, Event, list[str]]:
    ended, asked = Event(), list[str]()

    def look() -> str:
        asked.append("looked")
        ended.set()
        return "one broker, three wanted"

    return Joining(look, clock), ended, asked


def test_a_short_wait_is_not_looked_into() -> None:
    clock = Clock()
    joining, _, asked = made(clock)
    clock.now += 4
    joining.update(waits=True)
    joining.update(waits=False)
    clock.now += 4
    joining.update(waits=True)
    assert asked == []


def test_a_long_wait_is_explained_until_it_is_over() -> None:
    clock = Clock()
    joining, ended, asked = made(clock)
    clock.now += 5
    joining.update(waits=True)
    looked(joining, clock, ended)
    assert joining.why() == "one broker, three wanted"
    joining.update(waits=True)
    assert asked == ["looked"], "not again at once"
    joining.update(waits=False)
    assert joining.why() is None
