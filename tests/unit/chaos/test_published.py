"""The audit finds repeated events, and events that the published library missed."""

from collections import Counter
from unittest.mock import Mock

from devstack.saga_client import Record
from proofs.chaos import run as chaos_run
from proofs.chaos.audit import audit, repeated
from proofs.chaos.evidence import Evidence


def _event(event_id: str, offset: int) -> Record:
    headers = {"ce_id": event_id, "command_type": "revert_payment"}
    return Record("events", 0, offset, "key", b'{"correlation_id": "c"}', headers)


def _evidence(*records: Record) -> Evidence:
    return Evidence(payments=[], commands=[], transitions=[], outbox=[], effects=[], records=list(records))


def test_repeated_event_is_damage_unless_the_delivery_allows_it() -> None:
    twice = _evidence(_event("a", 0), _event("a", 1))
    assert repeated(twice) == ["a"]
    assert audit(twice).doubles
    assert audit(twice, may_repeat=True).doubles == []


def test_second_answer_is_damage_for_each_delivery() -> None:
    assert audit(_evidence(_event("a", 0), _event("b", 1)), may_repeat=True).doubles


def test_event_that_the_published_library_missed_is_a_loss() -> None:
    world = Mock()
    world.scene.topics.events = "events"
    world.published.missing = lambda events: sorted(set(events) - set(Counter(["a"])))
    found = chaos_run.missed(world, _evidence(_event("a", 0), _event("b", 1)))
    assert found == ["not heard by the published library: b"]
