"""Stripe's objects, as JSON, in the words of the port. Only what is there is read; nothing is guessed."""

import re
from collections.abc import Mapping
from typing import Any

from service.domain.ports import Charge, Intent, IntentError, IntentStatus, Refund, Settlement, Transfer
from service.gateway.redact import redact

Json = Mapping[str, Any]

OPEN_ACTION = frozenset({IntentStatus.REQUIRES_ACTION, IntentStatus.REQUIRES_CONFIRMATION})
LOST_REFUND = frozenset({"failed", "canceled"})
MAX_TEXT = 40_000
"""Characters of the longest string read: an error's message (Stripe's OpenAPI description, ``maxLength``)."""

MAX_ID = 255
"""Characters of the longest id (Stripe documentation, "Upgrades: backward-compatible changes"); an index holds it."""

_UNSTORABLE = re.compile("[\\0\\ud800-\\udfff]")
"""JSON may escape NUL and half surrogate pairs; neither PostgreSQL nor UTF-8 takes them."""


class UnreadableError(ValueError):
    """An object of Stripe that lacks a field, or has it with another type, or with a state that we do not know."""


def intent_of(data: object) -> Intent:
    """A PaymentIntent. Raises UnreadableError."""
    body = mapping(data, "payment intent")
    return Intent(
        id=identifier(body, "id"),
        status=_status(body),
        amount=_integer(body, "amount"),
        currency=text(body, "currency"),
        capture_method=optional_text(body, "capture_method"),
        charge_id=optional_id(body, "latest_charge"),
        received=_integer(body, "amount_received") if "amount_received" in body else 0,
        charge=_charge_of(body.get("latest_charge")),
        payment_id=payment_id_of(body),
        order_id=_from_metadata(body, "order_id"),
        live=optional_flag(body, "livemode"),
        error=_last_error(body.get("last_payment_error")),
    )


def _charge_of(data: object) -> Charge | None:
    """The intent's charge where it was expanded."""
    if not isinstance(data, Mapping):
        return None
    settled = data.get("balance_transaction")
    return Charge(
        id=text(data, "id"),
        refunded=_integer(data, "amount_refunded"),
        disputed=data.get("disputed") is True,
        settlement=None if not isinstance(settled, Mapping) else _settlement_of(data, settled),
    )


def _settlement_of(charge: Json, transaction: Json) -> Settlement:
    """The settled part of the charge: Stripe's transaction is for the whole hold, of which a part may be captured.

    Source: Stripe documentation, "Reporting categories and types", partial-capture reversals.
    """
    amount, currency = _integer(transaction, "amount"), text(transaction, "currency")
    captured, whole = _integer(charge, "amount_captured"), _integer(charge, "amount")
    if currency == text(charge, "currency"):
        return Settlement(captured, currency)
    return Settlement(amount if captured == whole else amount * captured // whole, currency)


HARMLESS_DISPUTE = frozenset({"won", "warning_closed", "prevented"})
"""Dispute states in which the charge's money is the platform's."""


def takes_money(dispute: Json) -> bool:
    """Whether this dispute is open or lost. Raises UnreadableError."""
    return text(dispute, "status") not in HARMLESS_DISPUTE


def payment_id_of(data: Json) -> str | None:
    """Our payment's id in the metadata; older intents carry it as ``payment_record_id``."""
    return _from_metadata(data, "payment_id") or _from_metadata(data, "payment_record_id")


def _from_metadata(data: Json, name: str) -> str | None:
    return optional_text(mapping(data.get("metadata") or {}, "metadata"), name)


def transfer_of(data: object) -> Transfer:
    """A Transfer. Raises UnreadableError."""
    body = mapping(data, "transfer")
    return Transfer(
        id=identifier(body, "id"),
        amount=_integer(body, "amount"),
        currency=text(body, "currency"),
        destination=id_of(body, "destination"),
        charge_id=optional_id(body, "source_transaction"),
        payment_id=payment_id_of(body),
        reversal_id=reversal_id_of(body),
    )


def reversal_id_of(transfer: Json) -> str | None:
    """The newest reversal of a transfer that was taken back whole; None while any of it is left."""
    if transfer.get("reversed") is not True:
        return None
    reversals = mapping(transfer.get("reversals"), "reversals").get("data")
    if not isinstance(reversals, list) or not reversals:
        raise UnreadableError("a reversed transfer without its reversals")
    return identifier(mapping(reversals[0], "reversal"), "id")


def refund_of(data: object) -> Refund:
    """A Refund. Raises UnreadableError."""
    body = mapping(data, "refund")
    return Refund(id=identifier(body, "id"), failed=text(body, "status") in LOST_REFUND)


def refunded(data: Json) -> int:
    """What a refund gives back, in minor units: nothing where it did not go through."""
    return 0 if refund_of(data).failed else _integer(data, "amount")


def received(intent: Json) -> int:
    """What was captured of an intent, in minor units."""
    return _integer(intent, "amount_received")


def next_action_of(data: Json) -> dict[str, Any] | None:
    """What the customer must do: where to go, or the client secret for Stripe.js. None: nothing."""
    if _status(data) not in OPEN_ACTION:
        return None
    action = mapping(data.get("next_action") or {}, "next_action")
    if action.get("type") == "redirect_to_url":
        redirect = mapping(action.get("redirect_to_url"), "redirect_to_url")
        return {"type": "redirect_to_url", "redirect_url": text(redirect, "url")}
    return {"type": "use_stripe_sdk", "client_secret": text(data, "client_secret")}


def mapping(value: object, name: str) -> Json:
    """``value``, which must be an object. Raises UnreadableError."""
    if not isinstance(value, Mapping):
        raise UnreadableError(f"{name} is no object")
    return value


def text(body: Json, name: str) -> str:
    """A string that a database can hold. Raises UnreadableError."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or _UNSTORABLE.search(value):
        raise UnreadableError(f"{name} is no text")
    return value


def identifier(body: Json, name: str) -> str:
    """As ``text``, of at most 255 characters: a longer one is not Stripe's. Raises UnreadableError."""
    value = text(body, name)
    if len(value) > MAX_ID:
        raise UnreadableError(f"{name} is longer than {MAX_ID} characters")
    return value


def optional_identifier(body: Json, name: str) -> str | None:
    """As ``identifier``; None where the field is missing, null or empty."""
    return identifier(body, name) if body.get(name) not in (None, "") else None


def optional_text(body: Json, name: str) -> str | None:
    """As ``text``; None where the field is missing, null or empty."""
    return text(body, name) if body.get(name) not in (None, "") else None


def optional_flag(body: Json, name: str) -> bool | None:
    """A boolean; None where the field is missing or null. Raises UnreadableError."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise UnreadableError(f"{name} is no boolean")


def id_of(body: Json, name: str) -> str:
    """An id, or the id of the expanded object. Raises UnreadableError."""
    value = body.get(name)
    return identifier(value, "id") if isinstance(value, Mapping) else identifier(body, name)


def optional_id(body: Json, name: str) -> str | None:
    """As ``id_of``; None where the field is missing or null."""
    return None if body.get(name) is None else id_of(body, name)


def _integer(body: Json, name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableError(f"{name} is no integer")
    return value


def _status(body: Json) -> IntentStatus:
    try:
        return IntentStatus(text(body, "status"))
    except ValueError as exc:
        raise UnreadableError("status is none that we know") from exc


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
