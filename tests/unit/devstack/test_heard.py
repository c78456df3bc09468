"""The records that a saga client keeps, and its waits for more."""

import json
import threading

import pytest

from devstack.saga_client import Heard, NotHeardError, Record, SagaError, until

AUTHORIZE = ("authorize_payment", "saga-1")
MOMENT = 0.01


def outcome(event_id: str, command_type: str = "authorize_payment", **more: str) -> Record:
    value = json.dumps({"type": "payment.authorized", "correlation_id": "saga-1", "payload": {}}).encode()
    return Record("events", 0, 0, "payment-1", value, {"ce_id": event_id, "command_type": command_type, **more})


def heard(*records: Record, repeats: bool = False) -> Heard:
    found = Heard(repeats=repeats)
    for record in records:
        found.take(record)
    return found


def anything(record: Record) -> bool:
    return True


def test_repeated_event_id_is_dropped() -> None:
    first, again, replayed = outcome("a"), outcome("a"), outcome("a", replayed="true")
    assert heard(first, again, replayed).records(anything) == [first]


def test_repeats_are_kept_on_request() -> None:
    assert len(heard(outcome("a"), outcome("a"), repeats=True).wait(AUTHORIZE, "the outcome")) == 2


def test_records_without_an_id_are_all_kept() -> None:
    command = Record("commands", 0, 0, None, b"not a command", {})
    assert heard(command, command).records(anything) == [command, command]


def test_outcome_is_found_by_correlation_id_and_command_type() -> None:
    authorized, reverted = outcome("a"), outcome("b", "revert_payment")
    assert heard(reverted, authorized).wait(AUTHORIZE, "the outcome") == [authorized]


def test_news_is_found_by_payment_and_type_and_dead_letter_by_offset_of_its_command() -> None:
    news = Record("events", 0, 0, "payment-1", b"{}", {"ce_subject": "payment-1", "ce_type": "payment.refunded"})
    letter = Record("commands.dead_letter", 0, 0, None, b'{"partition": 2, "offset": 7}', {})
    found = heard(news, letter)
    assert found.wait(("payment-1", "payment.refunded"), "the news") == [news]
    assert found.wait((2, 7), "the dead letter") == [letter]


@pytest.mark.parametrize("value", [None, b"?", b"[]", b"{}"])
@pytest.mark.parametrize("headers", [{}, {"command_type": "authorize_payment"}])
@pytest.mark.parametrize("topic", ["events", "commands.dead_letter"])
def test_unreadable_record_has_no_subject(topic: str, headers: dict[str, str], value: bytes | None) -> None:
    assert Record(topic, 0, 0, None, value, headers).about is None


@pytest.mark.parametrize("by_predicate", [False, True])
def test_wait_ends_with_the_expected_number_of_records(by_predicate: bool) -> None:
    found = heard(outcome("a"))
    more = [threading.Timer(MOMENT, found.take, [outcome(name)]) for name in "bc"]
    for each in more:
        each.start()
    records = found.wait(anything if by_predicate else AUTHORIZE, "three outcomes", count=3)
    assert {record.event_id for record in records} == {"a", "b", "c"}


def test_failed_wait_names_the_expected_and_the_received_records() -> None:
    found = heard(outcome("other", "revert_payment"))
    with pytest.raises(NotHeardError, match=r"the hold: heard 0 of 1 in 0 s:\n.*\n.*'ce_id': 'other'") as failed:
        found.wait(AUTHORIZE, "the hold", seconds=MOMENT)
    assert isinstance(failed.value, SagaError)


def test_until_polls_until_the_condition_holds() -> None:
    answers = iter([None, 0, "there"])
    assert until(lambda: next(answers), "it is there", pause=0) == "there"
    with pytest.raises(TimeoutError, match="not in 0 s: it is there"):
        until(lambda: None, "it is there", 0)
