"""Stripe's webhooks: only signed ones count, in any number and any order."""

import json

import pytest

from tests.support.acceptance import CHALLENGED, World
from tests.support.acceptance_webhooks import event_of, signature_of

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_webhook_without_stripes_signature_is_refused(world: World) -> None:
    held, secret = world.held(), world.info.stripe_webhook_secret
    forged = event_of("payment_intent.canceled", id=held.payload["payment_intent_id"], status="canceled")
    wrong = signature_of(forged, "whsec_wrong")
    for signature in (
        None,
        "",
        "t=1,v1=0",
        wrong,
        signature_of(b"{}", secret),
        signature_of(forged, secret, age_seconds=301),
    ):
        assert world.api.webhook(forged, signature).error == (400, "INVALID_WEBHOOK"), signature
    assert world.api.details(held.payment_id).body["status"] == "AUTHORIZED"


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b'{"id": 7}'])
def test_signed_body_without_an_event_is_refused(world: World, payload: bytes) -> None:
    assert world.api.webhook(payload, signature_of(payload, world.info.stripe_webhook_secret)).error == (
        400,
        "INVALID_WEBHOOK",
    )


@pytest.mark.parametrize("kind", ["payment_intent.succeeded", "payment_intent.canceled", "charge.updated", "new.thing"])
def test_foreign_and_unknown_events_are_only_recorded(world: World, kind: str) -> None:
    payload = event_of(kind)
    for _ in range(2):
        reply = world.api.webhook(payload, signature_of(payload, world.info.stripe_webhook_secret))
        assert (reply.status, reply.body) == (200, {"received": True})
    event_id = json.loads(payload)["id"]
    assert len(world.sql("SELECT * FROM stripe_events WHERE event_id = %s", event_id)) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_webhooks_in_any_order_and_number_lead_to_the_same_end(world: World, seed: int) -> None:
    world.stripe.webhooks(duplicates=2, jitter=0.0)
    world.stripe.hold_webhooks()
    sent = world.authorize(CHALLENGED)
    payment = world.payment_in("REQUIRES_ACTION", sent.payload["order_id"])
    world.stripe.finish_challenge(payment["stripe_payment_intent_id"])
    world.stripe.dashboard("capture", payment["stripe_payment_intent_id"])
    world.stripe.release_webhooks(shuffle_seed=seed)
    world.stripe.drain_webhooks()
    assert world.outcome(sent).status == "AUTHORIZED"
    assert world.summaries(payment["payment_id"]) == ["authorize_payment: payment.authorized AUTHORIZED"]
    assert world.outcome(world.release(payment["payment_id"])).status == "SUCCEEDED"
    assert world.effects(payment["payment_id"]) == ["hold", "capture", "transfer"]
