"""Stripe's webhooks: verify the signature, then read the event."""

import json
import math

import stripe

from runtime.errors import PaymentServiceError
from service.domain.event_types import MONEY_EVENTS, SUBSCRIBED
from service.domain.ledger import Proof
from service.domain.stripe_objects import StripeEvent
from service.gateway.fields import (
    Json,
    UnexpectedObjectError,
    identifier,
    mapping,
    moment_of,
    optional_flag,
    optional_identifier,
)
from service.gateway.hearing import about, proofs_of
from service.gateway.translate import intent_of

TOLERANCE_SECONDS = 300
"""Greatest age of a signature (Stripe documentation, "Receive Stripe events in your webhook endpoint")."""

_THIN_EVENT = "v2.core.event"
_LONGEST_INTEGER = 40


class BadWebhookError(PaymentServiceError):
    """The delivery is not Stripe's, or cannot be read. The message may be sent to the sender."""


def parse(payload: bytes, signature: str | None, secrets: list[str]) -> StripeEvent:
    """The event of one delivery that is signed with any of the secrets.

    Raises BadWebhookError for a bad signature, and for a body that is no JSON object with an id and a type. Every other
    body is an event, readable or not: if it were refused, Stripe would repeat it unchanged for days.
    """
    _verify(payload, signature, secrets)
    try:
        event = mapping(json.loads(payload, parse_int=_integer), "event")
        return _event_of(event, identifier(event, "id"), identifier(event, "type"))
    except UnexpectedObjectError as exc:
        raise BadWebhookError(f"not an event that can be read: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise BadWebhookError("not JSON") from exc


def _integer(digits: str) -> int | float:
    """The integer. Python refuses more than 4,300 digits; no amount or time of Stripe's is that long."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf


def _verify(payload: bytes, signature: str | None, secrets: list[str]) -> None:
    if not any(_signed_with(secret, payload, signature) for secret in secrets):
        raise BadWebhookError("no valid Stripe-Signature: wrong secret, altered body, or older than 300 s")


def _signed_with(secret: str, payload: bytes, signature: str | None) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # the library raises the last two for a body that is not UTF-8 or a signature that is not ASCII
        return False
    return True


def _event_of(event: Json, event_id: str, kind: str) -> StripeEvent:
    subject: Json = {}
    intent, account, live, unreadable = None, None, None, None
    proofs: tuple[Proof, ...] = ()
    try:
        account, live = optional_identifier(event, "account"), optional_flag(event, "livemode")
        subject = _subject(event)
        if kind.startswith("payment_intent.") and not _is_thin(event):
            intent = intent_of(subject)
        elif kind in MONEY_EVENTS:
            proofs = proofs_of(kind, subject)
    except UnexpectedObjectError as exc:
        unreadable = str(exc)
    return StripeEvent(
        id=event_id,
        type=kind,
        created_at=moment_of(event.get("created")),
        object_id=_object_id(subject),
        intent=intent,
        account=account,
        live=live,
        unreadable=unreadable,
        about=about(subject) if kind in SUBSCRIBED else None,
        tells=proofs,
    )


def _is_thin(event: Json) -> bool:
    """Whether the event is thin: it names its object without containing it (Stripe documentation, "Event
    destinations")."""
    return event.get("object") == _THIN_EVENT


def _subject(event: Json) -> Json:
    if not _is_thin(event):
        return mapping(mapping(event.get("data"), "data").get("object"), "object")
    related = event.get("related_object")
    return {} if related is None else mapping(related, "related_object")


def _object_id(subject: Json) -> str | None:
    try:
        return optional_identifier(subject, "id")
    except UnexpectedObjectError:
        return None
