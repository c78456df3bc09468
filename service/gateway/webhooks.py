"""Stripe's webhooks: the signature checked, the event read."""

import json
import math
from datetime import UTC, datetime

import stripe

from service.domain.ports import StripeEvent
from service.gateway.translate import (
    Json,
    UnreadableError,
    identifier,
    intent_of,
    mapping,
    optional_flag,
    optional_identifier,
)

TOLERANCE_SECONDS = 300
"""How old a signature may be (Stripe documentation, "Receive Stripe events in your webhook endpoint")."""

_THIN_EVENT = "v2.core.event"
_LONGEST_INTEGER = 40
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
"""Before it no event was made; a year later, and another time zone's form of it has five digits."""


class BadWebhookError(Exception):
    """A delivery that is not Stripe's, or not readable. The message is fit for the sender."""


def parse(payload: bytes, signature: str | None, secrets: list[str]) -> StripeEvent:
    """The event of one delivery, signed with any of the secrets.

    Raises BadWebhookError for a bad signature and for what is no JSON object with an id and a type of Stripe's. All
    else is an event: Stripe would send it again for days and nothing in it would change.
    """
    _verify(payload, signature, secrets)
    try:
        event = mapping(json.loads(payload, parse_int=_integer), "event")
        return _event_of(event, identifier(event, "id"), identifier(event, "type"))
    except UnreadableError as exc:
        raise BadWebhookError(f"not an event that can be read: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise BadWebhookError("not JSON") from exc


def _integer(digits: str) -> int | float:
    """Python refuses to read integers of more than 4300 digits; no amount or time of Stripe's is that long."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf


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


def _event_of(event: Json, event_id: str, kind: str) -> StripeEvent:
    subject: Json = {}
    intent, account, live, unreadable = None, None, None, None
    try:
        account, live = optional_identifier(event, "account"), optional_flag(event, "livemode")
        subject = _subject(event)
        if kind.startswith("payment_intent.") and not _is_thin(event):
            intent = intent_of(subject)
    except UnreadableError as exc:
        unreadable = str(exc)
    return StripeEvent(
        id=event_id,
        type=kind,
        created_at=_created_at(event.get("created")),
        object_id=_object_id(subject),
        intent=intent,
        account=account,
        live=live,
        unreadable=unreadable,
    )


def _is_thin(event: Json) -> bool:
    """A thin event names its object and does not carry it (Stripe documentation, "Event destinations")."""
    return event.get("object") == _THIN_EVENT


def _subject(event: Json) -> Json:
    if not _is_thin(event):
        return mapping(mapping(event.get("data"), "data").get("object"), "object")
    related = event.get("related_object")
    return {} if related is None else mapping(related, "related_object")


def _object_id(subject: Json) -> str | None:
    try:
        return optional_identifier(subject, "id")
    except UnreadableError:
        return None


def _created_at(value: object) -> datetime | None:
    """Seconds since the epoch; in thin events RFC 3339. None for what is no time of this era: it decides nothing."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str):
            read = datetime.fromisoformat(value)
            moment = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else None
