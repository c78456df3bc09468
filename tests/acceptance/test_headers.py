"""Keys, headers and envelope are exactly those of the contract."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.support.acceptance import World, fresh

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OF_ANY_EVENT = {
    "ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time", "content-type", "correlation_id", "traceparent",
}  # fmt: skip
OF_A_PAYMENT = OF_ANY_EVENT | {"ce_subject", "sequence"}


def test_an_outcome_of_a_payment(world: World) -> None:
    held = world.held()
    headers = held.headers
    assert headers.keys() == OF_A_PAYMENT | {"command_type"}
    assert (headers["ce_source"], headers["ce_specversion"]) == ("payment-service", "1.0")
    assert (headers["ce_type"], headers["content-type"]) == ("payment.authorized", "application/json")
    assert headers["correlation_id"] == held.correlation_id == held.payload["correlation_id"]
    assert headers["ce_subject"] == held.key == held.payment_id
    assert (headers["sequence"], headers["command_type"]) == ("1", "authorize_payment")
    assert str(UUID(headers["ce_id"])) == headers["ce_id"]
    assert held.body.keys() == {"type", "correlation_id", "timestamp", "source", "payload"}
    assert held.body["source"] == "payment-service"
    told_at = datetime.fromisoformat(headers["ce_time"])
    assert told_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - told_at) < timedelta(minutes=1)


def test_sequence_counts_the_events_of_one_payment(world: World) -> None:
    released = world.released()
    world.outcome(world.revert(released.payment_id))
    world.outcome(world.release(released.payment_id))
    events = world.events_of(released.payment_id)
    assert [event.headers["sequence"] for event in events] == ["1", "2", "3", "4"]
    assert {event.partition for event in events} == {events[0].partition}
    assert len({event.headers["ce_id"] for event in events}) == 4


def test_event_without_a_payment_has_no_subject(world: World) -> None:
    sent = world.revert("a0a0a0a0-0000-4000-8000-000000000000")
    event = world.outcome(sent)
    assert event.headers.keys() == OF_ANY_EVENT | {"command_type"}
    assert event.key == sent.correlation_id


def test_trace_continues_from_command_to_outcome(world: World) -> None:
    held = world.held()
    payload = {"payment_id": held.payment_id, "runner_id": "r", "runner_connect_account_id": "acct_runner"}
    sent = world.send("release_payment", payload, headers={"traceparent": TRACE.encode(), "x": b"y"})
    event = world.outcome(sent)
    assert event.headers.keys() == OF_A_PAYMENT | {"command_type"}
    assert event.headers["traceparent"] == TRACE


def test_trace_continues_from_http_request_to_outcome(world: World) -> None:
    held = world.held()
    body = {"runner_id": "r", "runner_connect_account_id": "acct_runner"}
    reply = world.api.release(held.payment_id, body, traceparent=TRACE)
    event = world.outcome_of("release_payment", reply.body["correlation_id"])
    assert event.headers["traceparent"] == TRACE


def test_command_from_http_has_the_form_of_any_other_command(world: World) -> None:
    held = world.held()
    reply = world.api.revert(held.payment_id, {"reason": fresh("why")})
    correlation_id = reply.body["correlation_id"]
    (command,) = world.heard.wait(
        lambda r: r.topic == world.topics.commands and r.headers.get("correlation_id") == correlation_id, "the command"
    )
    assert command.key == command.headers["ce_subject"] == held.payment_id
    assert command.headers["ce_type"] == command.type == "revert_payment"
    assert "sequence" not in command.headers
    assert command.correlation_id == correlation_id
