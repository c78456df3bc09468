"""Each outcome, fault and webhook has one log line, which operators find by any of its names."""

import json
from typing import Any

import pytest

from devstack.saga_client import Record, until
from tests.support.acceptance import CHALLENGED, World, fresh

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACE = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def grep(world: World, *words: str) -> list[dict[str, Any]]:
    """The log lines that contain every word, as the processes wrote them."""
    found = [line for line in world.logs().splitlines() if all(word in line for word in words)]
    return [json.loads(line) for line in found if line.startswith("{")]


def line_of(world: World, event: str, *words: str) -> dict[str, Any]:
    """The only line of this event with these words. A log line is written shortly after its transaction."""
    found: list[dict[str, Any]] = until(lambda: grep(world, f'"event": "{event}"', *words), f"{event} with {words}")
    assert len(found) == 1, found
    return found[0]


def test_an_outcome_is_one_line_found_by_each_of_its_names(world: World) -> None:
    sent = world.authorize(correlation_id=fresh("found"))
    event = world.outcome(sent)
    place = f"{world.topics.commands}/{sent.place[0]}/{sent.place[1]}"
    trace_id = event.headers["traceparent"].split("-")[1]
    names = [sent.correlation_id, event.payment_id, sent.payload["order_id"], event.headers["ce_id"], place, trace_id]
    line = line_of(world, "command_answered", names[0])
    assert [word for word in names if line not in grep(world, word)] == []
    assert (line["command_type"], line["outcome"], line["level"]) == ("authorize_payment", "payment.authorized", "info")
    assert line["caller"] == place
    assert line["duration_ms"] > 0
    assert line["stripe_request_id"].startswith("req_")


def test_a_failed_outcome_names_its_error(world: World) -> None:
    sent = world.release("a0a0a0a0-0000-4000-8000-000000000000")
    world.outcome(sent)
    line = line_of(world, "command_answered", sent.correlation_id)
    assert (line["outcome"], line["error"]) == ("payment.failed", "PAYMENT_NOT_FOUND")


def test_a_call_without_an_answer_and_its_repetition_name_their_payment(world: World) -> None:
    world.stripe.fault("drop_before", "payment_intents.create", times=1)
    sent = world.authorize(correlation_id=fresh("dropped"))
    event = world.outcome(sent)
    for name in ("stripe_call_failed", "command_put_off"):
        line = line_of(world, name, "no answer from Stripe", sent.correlation_id)
        assert line["command_type"] == "authorize_payment"
        assert line["payment_id"] == event.payment_id
        assert line["order_id"] == sent.payload["order_id"]
        assert line["trace_id"] == event.headers["traceparent"].split("-")[1]
    assert line["again_in_seconds"] > 0


def test_a_refusal_of_stripe_names_its_request(world: World) -> None:
    held = world.held()
    sent = world.release(held.payment_id, account="acct_restricted")
    world.outcome(sent)
    line = line_of(world, "stripe_call_failed", sent.correlation_id)
    assert (line["operation"], line["result"]) == ("POST /v1/transfers", "refused")
    assert line["stripe_request_id"].startswith("req_")


def test_a_webhook_is_one_line_with_its_payment(world: World) -> None:
    sent = world.authorize(CHALLENGED)
    payment = world.payment_in("REQUIRES_ACTION", sent.payload["order_id"])
    world.stripe.webhooks(duplicates=0, jitter=0.0)
    world.stripe.finish_challenge(payment["stripe_payment_intent_id"])
    event = world.outcome(sent)
    line = line_of(world, "request", "amount_capturable_updated", event.payment_id)
    assert (line["webhook"], line["result"]) == ("payment_intent.amount_capturable_updated", "applied")
    assert line["order_id"] == sent.payload["order_id"]
    answered = line_of(world, "command_answered", sent.correlation_id)
    assert answered["stripe_event_id"] == line["stripe_event_id"]
    assert answered["caller"] == "stripe"
    assert answered["trace_id"] == line["trace_id"]


def test_a_command_from_http_names_its_caller(world: World) -> None:
    held: Record = world.held()
    body = {"runner_id": "r", "runner_connect_account_id": "acct_runner"}
    reply = world.api.release(held.payment_id, body, traceparent=TRACE)
    correlation_id = reply.body["correlation_id"]
    world.outcome_of("release_payment", correlation_id)
    queued = line_of(world, "command_queued", correlation_id)
    assert (queued["caller"], queued["payment_id"]) == ("operator", held.payment_id)
    assert {queued["trace_id"], line_of(world, "command_answered", correlation_id)["trace_id"]} == {TRACE_ID}


def test_a_refused_record_names_its_command(world: World) -> None:
    sent = world.authorize(correlation_id=fresh("refused"), amount="many")
    world.outcome(sent)
    line = line_of(world, "dead_letter", sent.correlation_id)
    assert line["reason"] == "INVALID_AMOUNT"
