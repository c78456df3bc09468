"""Faults that need the same thing come one after the other; all others come at once."""

from threading import Event

import pytest

from proofs.chaos.faults import Trouble, injector
from proofs.chaos.plan import Attack, Fault

FIRST, SECOND = Fault(Attack.RELAY_KILLED, 0, 0), Fault(Attack.RELAY_FROZEN, 0, 0)


class Thing:
    """Can be struck, and comes back when it is told to."""

    def __init__(self, name: str) -> None:
        self.struck = Event()
        self.may_return = Event()
        self.trouble = Trouble(frozenset({name}), lambda: self.may_return.wait(10), self.struck.set)


def test_another_of_the_kind_is_struck_while_one_comes_back() -> None:
    one, other = Thing("one"), Thing("other")
    with injector({Attack.RELAY_KILLED: [one.trouble, other.trouble]}) as attacker:
        attacker.inject(FIRST)
        attacker.inject(FIRST)
        assert one.struck.is_set()
        assert other.struck.is_set()
        assert attacker.struck == {Attack.RELAY_KILLED: 2}
        one.may_return.set()
        other.may_return.set()
        attacker.all_back()


def test_what_is_struck_already_is_waited_for() -> None:
    """The second trouble sees the first one's end."""
    ended: list[str] = []
    places = frozenset({"one place"})
    first = Trouble(places, lambda: ended.append("first"))
    second = Trouble(places, lambda: None, lambda: ended.append("second"))
    with injector({Attack.RELAY_KILLED: [first], Attack.RELAY_FROZEN: [second]}) as attacker:
        attacker.inject(FIRST)
        attacker.inject(SECOND)
    assert ended == ["first", "second"]


def test_a_return_that_failed_is_told_at_the_end() -> None:
    def fail() -> None:
        raise ValueError("does not come back")

    with injector({Attack.RELAY_KILLED: [Trouble(frozenset(), fail)]}) as attacker:
        attacker.inject(FIRST)
        with pytest.raises(ValueError, match="does not come back"):
            attacker.all_back()
