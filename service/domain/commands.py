"""Commands as a saga means them, whatever shape they came in."""

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from service.domain.errors import ErrorCode


class CommandType(StrEnum):
    """What may be asked of the service. CANCEL_HOLD is the service's own: it never comes from outside."""

    AUTHORIZE = "authorize_payment"
    RELEASE = "release_payment"
    REVERT = "revert_payment"
    CANCEL_HOLD = "cancel_hold"


_FROM_OUTSIDE = "outside:"


def kept_type(sent: str) -> str:
    """The type under which a refused command is kept: as it was sent, unless that names what is the service's own.

    No two types that were sent are kept as one, and none is kept as the type of a command of ours.
    """
    ours = sent == CommandType.CANCEL_HOLD or sent.startswith(_FROM_OUTSIDE)
    return f"{_FROM_OUTSIDE}{sent}" if ours else sent


@dataclass(frozen=True, slots=True)
class Authorize:
    """Hold ``amount`` (minor units) on the customer's card for an order."""

    type: ClassVar = CommandType.AUTHORIZE
    correlation_id: str
    order_id: str
    customer_id: str
    payment_method_id: str
    amount: int
    currency: str
    stripe_customer_id: str | None = None
    description: str | None = None
    return_url: str | None = None

    @property
    def ordering_key(self) -> str:
        """Commands of one key run in order."""
        return self.order_id


@dataclass(frozen=True, slots=True)
class Release:
    """Capture the hold and transfer all of it to the runner's Connect account."""

    type: ClassVar = CommandType.RELEASE
    correlation_id: str
    payment_id: UUID
    runner_id: str
    runner_connect_account_id: str

    @property
    def ordering_key(self) -> str:
        """Commands of one key run in order."""
        return str(self.payment_id)


@dataclass(frozen=True, slots=True)
class Revert:
    """Give the money back: cancel the hold, or reverse the transfer and refund."""

    type: ClassVar = CommandType.REVERT
    correlation_id: str
    payment_id: UUID
    reason: str | None = None

    @property
    def ordering_key(self) -> str:
        """Commands of one key run in order."""
        return str(self.payment_id)


@dataclass(frozen=True, slots=True)
class CancelHold:
    """Our own: a payment told "failed" or reverted must hold and move no money. Its correlation id is the intent's."""

    type: ClassVar = CommandType.CANCEL_HOLD
    correlation_id: str
    payment_id: UUID

    @property
    def intent_id(self) -> str:
        """The PaymentIntent whose hold goes."""
        return self.correlation_id


Command = Authorize | Release | Revert
StoredCommand = Command | CancelHold


@dataclass(frozen=True, slots=True)
class InvalidCommand:
    """Type and correlation id could be read, the rest not: answered once with ``payment.failed``, and kept.

    Its content is not held, which may be much larger than its bytes: ``fingerprint`` tells it from another.
    """

    correlation_id: str
    command_type: str
    error: ErrorCode
    message: str
    fingerprint: bytes
    order_id: str | None = None
    payment_id: str | None = None

    @property
    def ordering_key(self) -> str:
        """Commands of one key run in order."""
        return self.correlation_id


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """No answer is possible: only a dead letter. ``reason`` is a code, ``detail`` says what was wrong."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Cut:
    """What a key or value was of which only the beginning is kept: all its bytes, and their SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The Kafka record a command came in, for the dead letters: whole, but for what is said to be cut."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    key_cut: Cut | None = None
    value_cut: Cut | None = None
    sent_at: datetime | None = None
    """The record's time (UTC), by its sender's clock or the broker's; None where it has none that is a time."""

    @property
    def traceparent(self) -> str | None:
        """W3C trace context of the sender; none where it is no text, which must not keep its command from running."""
        found = [value for name, value in self.headers if name == "traceparent" and value]
        sent = found[-1].decode("ascii", "replace")[:64] if found else ""
        return sent if sent and sent.isprintable() else None


def content_of(command: StoredCommand) -> dict[str, Any]:
    """The command's fields as JSON types, without its correlation id."""
    values = ((name, getattr(command, name)) for name in _CONTENT[command.type])
    return {name: str(value) if isinstance(value, UUID) else value for name, value in values}


def fingerprint(content: Any) -> bytes:
    """SHA-256 of the content in canonical form: the same in every accepted shape of the message."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()


_KINDS: dict[CommandType, type[Authorize | Release | Revert | CancelHold]] = {
    kind.type: kind for kind in (Authorize, Release, Revert, CancelHold)
}
_CONTENT = {
    kind: tuple(field.name for field in fields(shape) if field.name != "correlation_id")
    for kind, shape in _KINDS.items()
}


def restore(command_type: str, correlation_id: str, content: dict[str, Any]) -> StoredCommand:
    """The command that ``content_of`` was taken from; what a later release has added to it is left out.

    Raises KeyError or TypeError when the record is not ours.
    """
    known = _CONTENT[CommandType(command_type)]
    values = {name: value for name, value in content.items() if name in known}
    if "payment_id" in values:
        values["payment_id"] = UUID(values["payment_id"])
    return _KINDS[CommandType(command_type)](correlation_id=correlation_id, **values)
