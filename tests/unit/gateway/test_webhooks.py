"""Deliveries to the webhook, from Stripe and from others."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.stripe_objects import IntentError, IntentStatus, StripeEvent
from service.gateway.webhooks import BadWebhookError, parse
from tests.unit.gateway.fake_stripe import INTENT

SECRET = "whsec_current"
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.amount_capturable_updated",
    "created": 1767312000,
    "data": {"object": INTENT},
}
THIN: dict[str, Any] = {
    "id": "evt_2",
    "object": "v2.core.event",
    "type": "v1.billing.meter.error_report_triggered",
    "created": "2026-01-02T00:00:00.000Z",
    "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
}
FUZZ = settings(derandomize=True, deadline=None)


def signed(payload: str, secret: str = SECRET, age: float = 0) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(payload, secret, int(time.time() - age))
    return header


def parsed(event: object) -> StripeEvent:
    payload = json.dumps(event)
    return parse(payload.encode(), signed(payload), [SECRET])


def refused(payload: str | bytes, signature: str | None, secrets: list[str] | None = None) -> str:
    raw = payload.encode() if isinstance(payload, str) else payload
    with pytest.raises(BadWebhookError) as caught:
        parse(raw, signature, [SECRET] if secrets is None else secrets)
    return str(caught.value)


def test_an_intent_event_is_read() -> None:
    error = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card", "message": "No."}
    intent = {**INTENT, "status": "requires_payment_method", "latest_charge": None, "last_payment_error": error}
    event = parsed({**EVENT, "type": "payment_intent.payment_failed", "data": {"object": intent}})
    assert (event.id, event.type, event.object_id) == ("evt_1", "payment_intent.payment_failed", "pi_1")
    assert event.created_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert event.intent is not None
    assert event.intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert event.intent.payment_id == INTENT["metadata"]["payment_id"]
    assert event.intent.error == IntentError("card_error", "No.", "card_declined", "lost_card")


@pytest.mark.parametrize(
    ("metadata", "payment_id"),
    [({"payment_record_id": "p-9"}, "p-9"), ({"payment_id": "p-1", "payment_record_id": "p-9"}, "p-1"), ({}, None),
     (None, None)],
)  # fmt: skip
def test_metadata_name_the_payment(metadata: object, payment_id: str | None) -> None:
    intent = parsed({**EVENT, "data": {"object": {**INTENT, "metadata": metadata}}}).intent
    assert intent is not None
    assert intent.payment_id == payment_id


@pytest.mark.parametrize(
    ("event", "object_id"),
    [
        ({**EVENT, "type": "charge.refunded", "data": {"object": {"id": "ch_1"}}}, "ch_1"),
        ({**EVENT, "type": "balance.available", "data": {"object": {"object": "balance"}}}, None),
        (THIN, "mtr_1"),
        ({**THIN, "related_object": None}, None),
        ({**THIN, "type": "payment_intent.succeeded", "related_object": {"id": "pi_1"}}, "pi_1"),
    ],
    ids=["other object", "object without id", "thin", "thin without object", "thin about an intent"],
)
def test_other_events_have_id_and_type(event: dict[str, Any], object_id: str | None) -> None:
    found = parsed(event)
    assert (found.type, found.object_id, found.intent) == (event["type"], object_id, None)
    assert found.created_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_signature_with_any_secret_is_valid() -> None:
    payload = json.dumps(EVENT)
    for secret in ("whsec_old", "whsec_new"):
        assert parse(payload.encode(), signed(payload, secret), ["whsec_old", "whsec_new"]).id == "evt_1"


def test_delivery_without_a_valid_signature_is_refused() -> None:
    payload = json.dumps(EVENT)
    assert "Stripe-Signature" in refused(payload, None)
    refused(payload, "")
    refused(payload, signed(payload, "whsec_other"))
    refused(payload, signed(payload), [])
    refused(payload + " ", signed(payload))
    refused(payload, signed(payload).replace("v1=", "v0="))
    refused(payload, "t=1767312000,v1=é")
    refused(b"\xff\xfe", signed(payload))


def test_an_old_signature_is_refused() -> None:
    payload = json.dumps(EVENT)
    assert parse(payload.encode(), signed(payload, age=240), [SECRET]).id == "evt_1"
    refused(payload, signed(payload, age=360))


@pytest.mark.parametrize(
    "event",
    [
        [],
        "evt_1",
        None,
        {},
        {**EVENT, "id": 1},
        {**EVENT, "id": "evt_\0"},
        {**EVENT, "id": "e" * 256},
        {**EVENT, "type": ""},
        {**EVENT, "type": "t" * 256},
    ],
    ids=lambda event: json.dumps(event)[:60],
)
def test_event_without_id_or_type_is_refused(event: object) -> None:
    payload = json.dumps(event)
    refused(payload, signed(payload))


@pytest.mark.parametrize("created", ["yesterday", 10**30, -1, 253402300799, True, 1.5, [], "9999-12-31T23:59:59-14:00"])
def test_invalid_time_is_ignored(created: object) -> None:
    found = parsed({**EVENT, "created": created})
    assert (found.created_at, found.unreadable) == (None, None)


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"data": None}, "data is no object"),
        ({"data": {"object": []}}, "object is no object"),
        ({"data": {"object": {}}}, "id is no text"),
        ({"data": {"object": {**INTENT, "status": "settled"}}}, "status is none that we know"),
        ({"data": {"object": {**INTENT, "amount": None}}}, "amount is no integer"),
        ({"data": {"object": {**INTENT, "latest_charge": "c" * 256}}}, "latest_charge is longer than 255 characters"),
        ({"object": "v2.core.event", "related_object": "mtr_1"}, "related_object is no object"),
    ],
)
def test_event_of_unknown_form_has_id_and_type(changed: dict[str, Any], because: str) -> None:
    found = parsed({**EVENT, **changed})
    assert (found.id, found.type, found.intent, found.unreadable) == ("evt_1", EVENT["type"], None, because)


def test_invalid_object_id_is_left_out() -> None:
    found = parsed({**EVENT, "type": "customer.updated", "data": {"object": {"id": ["cus_1"]}}})
    assert (found.object_id, found.unreadable) == (None, None)


@pytest.mark.parametrize("payload", ["", "{", "NaN", "[" * 100_000, '{"id": "\\ud800"}'], ids=lambda text: text[:9])
def test_body_that_is_not_json_is_refused(payload: str) -> None:
    refused(payload, signed(payload))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@FUZZ
@given(payload=st.binary(max_size=60), signature=st.none() | st.text(max_size=60))
def test_no_unsigned_body_passes_or_crashes_the_check(payload: bytes, signature: str | None) -> None:
    refused(payload, signature)


@FUZZ
@given(
    changes=st.dictionaries(st.sampled_from(sorted(EVENT)), JSON),
    inner=st.dictionaries(st.sampled_from(sorted(INTENT)), JSON),
)
def test_signed_garbage_raises_only_bad_webhook_errors(changes: dict[str, Any], inner: dict[str, Any]) -> None:
    event = {**EVENT, "data": {"object": {**INTENT, **inner}}, **changes}
    try:
        found = parsed(event)
    except BadWebhookError:
        return
    assert (found.id, found.type) == (event["id"], event["type"])
