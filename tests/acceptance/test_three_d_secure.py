"""Payments that wait for 3-D Secure by the customer."""

import pytest

from devstack.saga_client import Sent
from tests.support.acceptance import CHALLENGED, World

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

RETURN_URL = "https://shop.example/back"


def _challenged(world: World) -> tuple[Sent, str, str]:
    """An authorize that waits for its customer, with its payment and its intent."""
    sent = world.authorize(CHALLENGED, return_url=RETURN_URL)
    payment = world.payment_in("REQUIRES_ACTION", sent.payload["order_id"])
    return sent, payment["payment_id"], payment["stripe_payment_intent_id"]


def test_three_d_secure_finished_by_webhook_authorizes(world: World) -> None:
    sent, payment_id, intent_id = _challenged(world)
    assert world.events_of(payment_id) == [], "requiring an action is no outcome"
    world.stripe.finish_challenge(intent_id)
    event = world.outcome(sent)
    assert (event.type, event.status, event.headers["sequence"]) == ("payment.authorized", "AUTHORIZED", "1")
    assert world.api.details(payment_id).body["next_action"] is None
    assert world.outcome(world.release(payment_id)).status == "SUCCEEDED"


def test_three_d_secure_failed_by_the_customer_fails_the_payment(world: World) -> None:
    sent, payment_id, intent_id = _challenged(world)
    world.stripe.finish_challenge(intent_id, succeeded=False)
    event = world.outcome(sent)
    assert event.summary == "authorize_payment: payment.failed STRIPE_PAYMENT_FAILED"
    assert event.payload["stripe_code"] == "payment_intent_authentication_failure"
    assert world.api.details(payment_id).body["failure"]["error"] == "STRIPE_PAYMENT_FAILED"
    world.stripe.drain_webhooks()
    assert "hold" not in world.effects(payment_id)


def test_revert_during_three_d_secure_answers_both_commands(world: World) -> None:
    sent, payment_id, _ = _challenged(world)
    revert = world.revert(payment_id, correlation_id=sent.correlation_id)
    assert world.outcome(revert).type == "payment.reverted"
    world.stripe.drain_webhooks()
    assert world.summaries(payment_id) == [
        "authorize_payment: payment.failed STRIPE_PAYMENT_CANCELED",
        "revert_payment: payment.reverted REVERTED",
    ]
    assert "hold" not in world.effects(payment_id)


def test_waiting_payment_canceled_in_the_dashboard_is_answered_as_canceled(world: World) -> None:
    sent, payment_id, intent_id = _challenged(world)
    world.stripe.dashboard("cancel", intent_id)
    assert world.outcome(sent).error == "STRIPE_PAYMENT_CANCELED"
    assert world.api.details(payment_id).body["status"] == "REVERTED"


def test_only_the_caller_learns_the_customers_next_action(world: World) -> None:
    sent, payment_id, intent_id = _challenged(world)
    reply = world.api.details(payment_id)
    action = reply.body["next_action"]
    assert action["type"] == "redirect_to_url"
    assert reply.body["payment"]["nextAction"] == {"type": action["type"], "redirectUrl": action["redirect_url"]}
    assert reply.headers["Cache-Control"] == "no-store"
    world.stripe.finish_challenge(intent_id)
    world.outcome(sent)
    dump = "".join(
        str(world.sql(f"SELECT row_to_json(t)::text AS row FROM {table} t"))
        for table in ("payments", "commands", "outbox", "stripe_events")
    )
    heard = "".join(str(record.value) for record in world.heard.records(lambda _: True))
    for place in (dump, heard, world.logs()):
        assert action["redirect_url"] not in place
        assert "_secret_" not in place


def test_a_read_does_not_fail_because_stripe_is_slow(world: World) -> None:
    _, payment_id, _ = _challenged(world)
    world.stripe.fault("latency_before", "payment_intents.retrieve", times=None, seconds=6.0)
    assert world.api.details(payment_id).body["next_action"] == {"type": "unavailable"}
