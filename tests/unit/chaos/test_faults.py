"""Faults of the same target follow one another; all other faults run at the same time."""

from threading import Event

import pytest

from proofs.chaos.faults import Trouble, injector
from proofs.chaos.plan import Attack, Fault

FIRST, SECOND = Fault(Attack.RELAY_KILLED, 0, 0), Fault(Attack.RELAY_FROZEN, 0, 0)


class Target:
    """The target of a fault. It recovers when a test allows it."""

    def __init__(self, name: str) -> None:
        self.struck = Event()
        self.may_recover = Event()
        self.trouble = Trouble(frozenset({name}), lambda: self.may_recover.wait(10), self.struck.set)


def test_next_target_is_struck_while_the_first_recovers() -> None:
    one, other = Target("one"), Target("other")
    with injector({Attack.RELAY_KILLED: [one.trouble, other.trouble]}) as attacker:
        attacker.inject(FIRST)
        attacker.inject(FIRST)
        assert one.struck.is_set()
        assert other.struck.is_set()
        assert attacker.struck == {Attack.RELAY_KILLED: 2}
        one.may_recover.set()
        other.may_recover.set()
        attacker.all_back()


def test_second_fault_waits_for_the_target_to_recover() -> None:
    ended: list[str] = []
    places = frozenset({"one place"})
    first = Trouble(places, lambda: ended.append("first"))
    second = Trouble(places, lambda: None, lambda: ended.append("second"))
    with injector({Attack.RELAY_KILLED: [first], Attack.RELAY_FROZEN: [second]}) as attacker:
        attacker.inject(FIRST)
        attacker.inject(SECOND)
    assert ended == ["first", "second"]


def test_failed_recovery_is_raised_at_the_end() -> None:
    def fail() -> None:
        raise ValueError("does not come back")

    with injector({Attack.RELAY_KILLED: [Trouble(frozenset(), fail)]}) as attacker:
        attacker.inject(FIRST)
        with pytest.raises(ValueError, match="does not come back"):
            attacker.all_back()
