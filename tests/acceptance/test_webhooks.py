"""Stripe's webhooks: only what Stripe signed, any number of times, in any order."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest

from devstack.stripe_simulator.sender import sign
from tests.support.acceptance import CHALLENGED, World

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def _event(kind: str = "payment_intent.succeeded", **intent: Any) -> bytes:
    given = {"id": f"pi_{uuid4().hex}", "object": "payment_intent", "status": "succeeded", "metadata": {}}
    return json.dumps(
        {
            "id": f"evt_{uuid4().hex}",
            "object": "event",
            "api_version": "2025-03-31.basil",
            "created": int(time.time()),
            "type": kind,
            "data": {"object": {**given, "amount": 1500, "currency": "sgd", **intent}},
        }
    ).encode()


def _signed(world: World, payload: bytes, age: int = 0) -> str:
    return sign(payload.decode(), world.info.stripe_webhook_secret, int(time.time()) - age)


def test_what_stripe_did_not_sign_is_refused(world: World) -> None:
    held = world.held()
    forged = _event("payment_intent.canceled", id=held.payload["payment_intent_id"], status="canceled")
    wrong = sign(forged.decode(), "whsec_wrong", int(time.time()))
    for signature in (None, "", "t=1,v1=0", wrong, _signed(world, b"{}"), _signed(world, forged, age=301)):
        assert world.api.webhook(forged, signature).error == (400, "INVALID_WEBHOOK"), signature
    assert world.api.details(held.payment_id).body["status"] == "AUTHORIZED"


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b'{"id": 7}'])
def test_what_is_no_event_is_refused(world: World, payload: bytes) -> None:
    assert world.api.webhook(payload, _signed(world, payload)).error == (400, "INVALID_WEBHOOK")


@pytest.mark.parametrize("kind", ["payment_intent.succeeded", "payment_intent.canceled", "charge.updated", "new.thing"])
def test_foreign_and_unknown_events_are_recorded_and_nothing_else(world: World, kind: str) -> None:
    payload = _event(kind)
    for _ in range(2):
        reply = world.api.webhook(payload, _signed(world, payload))
        assert (reply.status, reply.body) == (200, {"received": True})
    event_id = json.loads(payload)["id"]
    assert len(world.sql("SELECT * FROM stripe_events WHERE event_id = %s", event_id)) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_and_any_number_of_deliveries_end_the_same(world: World, seed: int) -> None:
    world.stripe.webhooks(duplicates=2, jitter=0.0)
    world.stripe.hold_webhooks()
    sent = world.authorize(CHALLENGED)
    payment = world.payment_in("REQUIRES_ACTION", sent.payload["order_id"])
    world.stripe.finish_challenge(payment["stripe_payment_intent_id"])
    world.stripe.dashboard("capture", payment["stripe_payment_intent_id"])
    world.stripe.release_webhooks(shuffle_seed=seed)
    world.stripe.drain_webhooks()
    assert world.outcome(sent).status == "AUTHORIZED"
    assert world.told(payment["payment_id"]) == ["authorize_payment: payment.authorized AUTHORIZED"]
    assert world.outcome(world.release(payment["payment_id"])).status == "SUCCEEDED"
    assert world.effects(payment["payment_id"]) == ["hold", "capture", "transfer"]
