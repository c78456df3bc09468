"""Reading the command in a Kafka record, in any of its shapes."""

import hashlib
from contextlib import suppress
from typing import Any

from service.domain.command_json import (
    MAX_DEPTH,
    ExcessiveError,
    Kept,
    Repeated,
    UnreadableError,
    UnreadableReason,
    decode,
    is_storable,
    keep,
    parse,
)
from service.domain.command_skim import READABLE_BYTES, Skim
from service.domain.commands.catalog import FIELDS, Command, build
from service.domain.commands.command import ID_LENGTH, CommandType, FieldError, fingerprint
from service.domain.errors import ErrorCode
from service.domain.received_records import InvalidCommand, UnreadableMessage

_ENVELOPE = frozenset({"type", "correlation_id", "timestamp", "source", "payload"})

_NO_ID = UnreadableReason.NO_CORRELATION_ID

_NESTED: dict[str, tuple[str, ...]] = {
    "customer_id": ("customer", "clerkUserId"),
    "stripe_customer_id": ("customer", "stripeCustomerId"),
    "payment_method_id": ("customer", "userStripeCard", "payment_method_id"),
    "amount": ("order", "amount"),
    "currency": ("order", "currency"),
    "description": ("order", "description"),
}
"""The places in which CampusG's create-order saga puts the fields of an authorize."""


def read(value: bytes | None, default_currency: str) -> Command | InvalidCommand | UnreadableMessage:
    """The command in a record's value. No bytes make this raise an error.

    Three shapes are one command: the envelope; the envelope with ``correlation_id`` only in its payload; and the
    fields beside ``type``. If envelope and payload have different correlation ids, the envelope's counts. Unknown
    fields are ignored. ``default_currency`` is used only for the nested authorize, which names none.
    """
    try:
        content = _opened(decode(value))
        kind, correlation_id = _identity(content)
    except ExcessiveError as fault:
        return _excessive(value or b"", fault)
    except UnreadableError as fault:
        return UnreadableMessage(fault.reason, fault.detail)
    kept = keep(content)
    try:
        _acceptable(kept)
        return _command(kind, correlation_id, _fields(content), default_currency)
    except FieldError as fault:
        return _invalid(kind, correlation_id, fault, _fields(kept.content))


def _excessive(value: bytes, fault: ExcessiveError) -> InvalidCommand | UnreadableMessage:
    """The refusal of an excessive record: an answer, if ``Skim`` finds its type and correlation id."""
    if len(value) > READABLE_BYTES:
        return UnreadableMessage(fault.reason, fault.detail)
    skim = Skim(value)
    try:
        kind, correlation_id = _identity(skim.content)
    except UnreadableError as unnamed:
        if unnamed.reason is UnreadableReason.AMBIGUOUS:
            return UnreadableMessage(unnamed.reason, unnamed.detail)
        if skim.depth > MAX_DEPTH:
            return UnreadableMessage(UnreadableReason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
        return UnreadableMessage(fault.reason, f"{fault.detail}; {unnamed.detail}")
    digest = fingerprint({"sha256": hashlib.sha256(value).hexdigest()})
    return InvalidCommand(correlation_id, kind, ErrorCode.INVALID_PAYLOAD, fault.detail, digest)


def _acceptable(kept: Kept) -> None:
    if kept.fault is not None:
        raise FieldError(ErrorCode.INVALID_PAYLOAD, kept.fault)


def _command(kind: str, correlation_id: str, fields: Any, default_currency: str) -> Command:
    known = next((known for known in FIELDS if known == kind), None)
    if known is None:
        raise FieldError(ErrorCode.INVALID_PAYLOAD, f"type is not known: send one of {', '.join(FIELDS)}")
    if not isinstance(fields, dict):
        raise FieldError(ErrorCode.INVALID_PAYLOAD, "payload must be a JSON object")
    nested = known is CommandType.AUTHORIZE and any(
        isinstance(fields.get(part), dict) for part in ("customer", "order")
    )
    return build(known, correlation_id, _flattened(fields, default_currency) if nested else fields)


def _invalid(kind: str, correlation_id: str, fault: FieldError, fields: Any) -> InvalidCommand:
    given = fields if isinstance(fields, dict) else {}
    return InvalidCommand(
        correlation_id=correlation_id,
        command_type=kind,
        error=fault.error,
        message=fault.message,
        fingerprint=fingerprint(fields),
        order_id=_given_id(given, "order_id"),
        payment_id=_given_id(given, "payment_id"),
    )


def _given_id(given: dict[str, Any], name: str) -> str | None:
    value = given.get(name)
    return value if isinstance(value, str) and 1 <= len(value) <= ID_LENGTH else None


def _opened(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise UnreadableError(UnreadableReason.NOT_AN_OBJECT, "the value must be a JSON object")
    payload = content.get("payload")
    if isinstance(payload, str):
        with suppress(UnreadableError):  # A text that is no JSON stays a string, and is refused later.
            content["payload"] = parse(payload)
    return content


def _fields(content: dict[str, Any]) -> Any:
    payload = content.get("payload")
    if payload is None:
        return {name: value for name, value in content.items() if name not in _ENVELOPE}
    if isinstance(payload, dict):
        return {name: value for name, value in payload.items() if name != "correlation_id"}
    return payload


def _identity(content: dict[str, Any]) -> tuple[str, str]:
    payload = content.get("payload")
    inner: dict[str, Any] = payload if isinstance(payload, dict) else {}
    _once(content, "type", "correlation_id", "payload")
    _once(inner, "correlation_id")
    given = content.get("correlation_id")
    return (
        _name("type", content.get("type"), UnreadableReason.NO_TYPE),
        _name("correlation_id", inner.get("correlation_id") if given is None else given, _NO_ID),
    )


def _once(part: dict[str, Any], *names: str) -> None:
    for name in names:
        if isinstance(part, Repeated) and name in part.names:
            raise UnreadableError(UnreadableReason.AMBIGUOUS, f"{name} stands more than once: send it once")


def _name(name: str, value: Any, reason: UnreadableReason) -> str:
    if value is None:
        raise UnreadableError(reason, f"{name} is missing: send a string of 1 to {ID_LENGTH} characters")
    if isinstance(value, str) and 1 <= len(value) <= ID_LENGTH and is_storable(value):
        return value
    raise UnreadableError(
        reason, f"{name} must be a string of 1 to {ID_LENGTH} characters without NUL or half a surrogate pair"
    )


def _flattened(fields: dict[str, Any], default_currency: str) -> dict[str, Any]:
    flat = {name: fields.get(name) for name in ("order_id", "return_url", *_NESTED)}
    for name, path in _NESTED.items():
        if flat[name] is None:
            flat[name] = _at(fields, path)
    if flat["currency"] is None:
        flat["currency"] = default_currency
    return flat


def _at(fields: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        fields = fields.get(name) if isinstance(fields, dict) else None
    return fields
