"""Stripe's webhooks: the signature checked, the event read."""

import json
from datetime import UTC, datetime

import stripe

from service.domain.ports import StripeEvent
from service.gateway.translate import Json, UnreadableError, intent_of, mapping, optional_flag, optional_text, text

TOLERANCE_SECONDS = 300
"""How old a signature may be (Stripe documentation, "Receive Stripe events in your webhook endpoint")."""

_THIN_EVENT = "v2.core.event"


class BadWebhookError(Exception):
    """A delivery that is not Stripe's, or not readable. The message is fit for the sender."""


def parse(payload: bytes, signature: str | None, secrets: list[str]) -> StripeEvent:
    """The event of one delivery, signed with any of the secrets. Raises BadWebhookError for everything else."""
    _verify(payload, signature, secrets)
    try:
        return _event_of(mapping(json.loads(payload), "event"))
    except UnreadableError as exc:
        raise BadWebhookError(f"not an event that can be read: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise BadWebhookError("not JSON") from exc


def _verify(payload: bytes, signature: str | None, secrets: list[str]) -> None:
    if not any(_signed_with(secret, payload, signature) for secret in secrets):
        raise BadWebhookError("no valid Stripe-Signature: wrong secret, altered body, or older than 300 s")


def _signed_with(secret: str, payload: bytes, signature: str | None) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # the library raises the last two for a body that is not UTF-8 and a signature that is not ASCII
        return False
    return True


def _event_of(event: Json) -> StripeEvent:
    kind = text(event, "type")
    thin = event.get("object") == _THIN_EVENT
    subject = _related_object(event) if thin else mapping(mapping(event.get("data"), "data").get("object"), "object")
    return StripeEvent(
        id=text(event, "id"),
        type=kind,
        created_at=_created_at(event.get("created")),
        object_id=text(subject, "id") if subject.get("id") is not None else None,
        intent=intent_of(subject) if kind.startswith("payment_intent.") and not thin else None,
        account=optional_text(event, "account"),
        live=optional_flag(event, "livemode"),
    )


def _related_object(event: Json) -> Json:
    """A thin event names its object and does not carry it (Stripe documentation, "Event destinations")."""
    related = event.get("related_object")
    return {} if related is None else mapping(related, "related_object")


def _created_at(value: object) -> datetime | None:
    """Seconds since the epoch; in thin events RFC 3339."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise UnreadableError("created is no time") from exc
    if value is None:
        return None
    raise UnreadableError("created is no time")
