"""Stripe's objects, from JSON to the port's objects. Fields are read as they are, and no value is guessed."""

from collections.abc import Mapping
from typing import Any

from service.domain.stripe_objects import (
    LOST_REFUND,
    Charge,
    Dispute,
    Intent,
    IntentError,
    IntentStatus,
    Refund,
    Reversal,
    Settlement,
    Transfer,
)
from service.gateway.fields import (
    Json,
    UnexpectedObjectError,
    id_of,
    identifier,
    integer,
    mapping,
    optional_flag,
    optional_id,
    optional_text,
    optional_time,
    redact,
    text,
)

OPEN_ACTION = frozenset({IntentStatus.REQUIRES_ACTION, IntentStatus.REQUIRES_CONFIRMATION})


def intent_of(data: object) -> Intent:
    """A PaymentIntent. Raises UnexpectedObjectError."""
    body = mapping(data, "payment intent")
    return Intent(
        id=identifier(body, "id"),
        status=_status(body),
        amount=integer(body, "amount"),
        currency=text(body, "currency"),
        capture_method=optional_text(body, "capture_method"),
        charge_id=optional_id(body, "latest_charge"),
        received=integer(body, "amount_received") if "amount_received" in body else 0,
        charge=_charge_of(body.get("latest_charge")),
        payment_id=payment_id_of(body),
        order_id=_from_metadata(body, "order_id"),
        live=optional_flag(body, "livemode"),
        error=_last_error(body.get("last_payment_error")),
    )


def intent_behind(data: object) -> Intent:
    """The intent as far as its charge shows its money. Raises UnexpectedObjectError."""
    body = mapping(data, "charge")
    captured, failed = body.get("captured") is True, text(body, "status") == "failed"
    held = IntentStatus.CANCELED if body.get("refunded") is True else IntentStatus.REQUIRES_CAPTURE
    status = IntentStatus.SUCCEEDED if captured else held
    return Intent(
        id=optional_id(body, "payment_intent") or identifier(body, "id"),
        status=IntentStatus.REQUIRES_PAYMENT_METHOD if failed else status,
        amount=integer(body, "amount"),
        currency=text(body, "currency"),
        charge_id=identifier(body, "id"),
        received=integer(body, "amount_captured") if captured else 0,
        charge=_charge_of(body),
    )


def _charge_of(data: object) -> Charge | None:
    """The intent's charge, if it was expanded."""
    if not isinstance(data, Mapping):
        return None
    settled = data.get("balance_transaction")
    return Charge(
        id=text(data, "id"),
        refunded=refunded_of(data),
        disputed=data.get("disputed") is True,
        settlement=None if not isinstance(settled, Mapping) else _settlement_of(data, settled),
        created_at=optional_time(data, "created"),
    )


def refunded_of(charge: Json) -> int:
    """The amount of a charge that the customer got back, in minor units.

    Stripe also counts the part of a hold that was not captured as refunded (Stripe API reference, "Capture a
    PaymentIntent": "any additional amount is automatically refunded"). It is subtracted here.
    """
    uncaptured = integer(charge, "amount") - integer(charge, "amount_captured")
    return max(0, integer(charge, "amount_refunded") - uncaptured)


def _settlement_of(charge: Json, transaction: Json) -> Settlement:
    """The settled part of the charge. Stripe's transaction is for the whole hold, but only a part may be captured.

    Source: Stripe documentation, "Reporting categories and types", partial-capture reversals.
    """
    amount, currency = integer(transaction, "amount"), text(transaction, "currency")
    taken_at = optional_time(transaction, "created")
    captured, whole = integer(charge, "amount_captured"), integer(charge, "amount")
    if currency == text(charge, "currency"):
        return Settlement(captured, currency, taken_at)
    return Settlement(amount if captured == whole else amount * captured // whole, currency, taken_at)


def dispute_of(data: object) -> Dispute:
    """A Dispute. Its balance transactions are none, the withdrawal, or the withdrawal and the reinstatement."""
    body = mapping(data, "dispute")
    moved = [integer(mapping(item, "transaction"), "amount") for item in body.get("balance_transactions") or ()]
    evidence = mapping(body.get("evidence_details") or {}, "evidence_details")
    return Dispute(
        id=identifier(body, "id"),
        amount=integer(body, "amount"),
        currency=text(body, "currency"),
        status=text(body, "status"),
        reason=optional_text(body, "reason"),
        withdrawn=any(amount < 0 for amount in moved),
        reinstated=any(amount > 0 for amount in moved),
        evidence_due_by=optional_time(evidence, "due_by"),
        intent_id=optional_id(body, "payment_intent"),
        created_at=optional_time(body, "created"),
    )


def payment_id_of(data: Json) -> str | None:
    """Our payment's id in the metadata; older intents carry it as ``payment_record_id``."""
    return _from_metadata(data, "payment_id") or _from_metadata(data, "payment_record_id")


def order_id_of(data: Json) -> str | None:
    """Our order's id in the metadata."""
    return _from_metadata(data, "order_id")


def _from_metadata(data: Json, name: str) -> str | None:
    return optional_text(mapping(data.get("metadata") or {}, "metadata"), name)


def transfer_of(data: object) -> Transfer:
    """A Transfer. Raises UnexpectedObjectError."""
    body = mapping(data, "transfer")
    return Transfer(
        id=identifier(body, "id"),
        amount=integer(body, "amount"),
        currency=text(body, "currency"),
        destination=id_of(body, "destination"),
        charge_id=optional_id(body, "source_transaction"),
        payment_id=payment_id_of(body),
        reversals=_reversals_of(body),
        created_at=optional_time(body, "created"),
    )


def _reversals_of(transfer: Json) -> tuple[Reversal, ...]:
    """The newest ten reversals: within another object, Stripe's lists show no more ("Expanding responses")."""
    listed = transfer.get("reversals")
    items = mapping(listed, "reversals").get("data") if listed is not None else []
    if not isinstance(items, list) or (transfer.get("reversed") is True and not items):
        raise UnexpectedObjectError("a reversed transfer without its reversals")
    return tuple(map(reversal_of, items))


def reversal_of(data: object) -> Reversal:
    """A TransferReversal. Raises UnexpectedObjectError."""
    body = mapping(data, "reversal")
    return Reversal(
        id=identifier(body, "id"),
        amount=integer(body, "amount"),
        currency=text(body, "currency"),
        payment_id=payment_id_of(body),
        created_at=optional_time(body, "created"),
    )


OF_HOLD = "partial_capture_reversal"
"""Reporting category of the part of a hold that was not captured."""


def refund_of(data: object) -> Refund:
    """A Refund. Raises UnexpectedObjectError.

    Its balance transaction, if expanded, shows whether it only ends a hold, or a part of one (Stripe documentation,
    "Reporting categories and types").
    """
    body = mapping(data, "refund")
    status, settled = text(body, "status"), body.get("balance_transaction")
    return Refund(
        id=identifier(body, "id"),
        amount=integer(body, "amount"),
        currency=text(body, "currency"),
        status=status,
        reason=optional_text(body, "failure_reason" if status in LOST_REFUND else "reason"),
        payment_id=payment_id_of(body),
        intent_id=optional_id(body, "payment_intent"),
        of_hold=isinstance(settled, Mapping) and settled.get("reporting_category") == OF_HOLD,
        created_at=optional_time(body, "created"),
    )


def received(intent: Json) -> int:
    """The captured amount of an intent, in minor units."""
    return integer(intent, "amount_received")


def next_action_of(data: Json) -> dict[str, Any] | None:
    """The customer's next action: the URL to open, or the client secret for Stripe.js. None: no action."""
    if _status(data) not in OPEN_ACTION:
        return None
    action = mapping(data.get("next_action") or {}, "next_action")
    if action.get("type") == "redirect_to_url":
        redirect = mapping(action.get("redirect_to_url"), "redirect_to_url")
        return {"type": "redirect_to_url", "redirect_url": text(redirect, "url")}
    return {"type": "use_stripe_sdk", "client_secret": text(data, "client_secret")}


def _status(body: Json) -> IntentStatus:
    try:
        return IntentStatus(text(body, "status"))
    except ValueError as exc:
        raise UnexpectedObjectError("status is none that we know") from exc


def _last_error(value: object) -> IntentError | None:
    if value is None:
        return None
    error = mapping(value, "last_payment_error")
    return IntentError(
        kind=optional_text(error, "type") or "api_error",
        message=redact(optional_text(error, "message") or ""),
        code=optional_text(error, "code"),
        decline_code=optional_text(error, "decline_code"),
    )
