"""The parts that all commands share: type, command key, fingerprint of the content, and fields with their readers.

A reader checks a field's type and bounds, or tells the sender of a wrong value what to change.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from runtime.errors import PaymentServiceError
from service.domain.errors import ErrorCode
from service.domain.money import is_currency
from service.domain.payment import Payment, written_payment_id

_FROM_OUTSIDE = "outside:"
_URL = re.compile(r"https?://[^\s/?#\\]+\S*", re.IGNORECASE)
ID_LENGTH = 255


class CommandType(StrEnum):
    """The types of commands. CANCEL_HOLD is the service's own: it never comes from outside."""

    AUTHORIZE = "authorize_payment"
    RELEASE = "release_payment"
    REVERT = "revert_payment"
    CANCEL_HOLD = "cancel_hold"


def kept_type(sent: str) -> str:
    """The type under which a refused command is kept: the one sent, prefixed if it names the service's own command.

    Two different types are never kept as one, and none is kept as the type of the service's own command.
    """
    ours = sent == CommandType.CANCEL_HOLD or sent.startswith(_FROM_OUTSIDE)
    return f"{_FROM_OUTSIDE}{sent}" if ours else sent


def sent_type(kept: str) -> str:
    """The type that was sent, of a command that is kept under this type."""
    return kept.removeprefix(_FROM_OUTSIDE)


class CommandKey(NamedTuple):
    """A command's identity: a second record with the same type and correlation id is the same command."""

    command_type: str
    correlation_id: str


class Keyed:
    """A command: its type, and the correlation id that its sender chose."""

    __slots__ = ()
    type: ClassVar[CommandType]
    own: ClassVar[bool] = False
    """Whether the service gave the command to itself. Nobody waits for its answer: it is repeated until it is done,
    without a deadline, and it gives way to the commands of callers."""
    correlation_id: str

    @property
    def key(self) -> CommandKey:
        """The command's key."""
        return CommandKey(self.type, self.correlation_id)

    def intent_of(self, payment: Payment) -> str | None:
        """The PaymentIntent that the command acts on; None when the payment has none yet."""
        return payment.stripe_payment_intent_id


def fingerprint(content: Any) -> bytes:
    """SHA-256 of the content in canonical form: the same in every accepted shape of the message."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()


class FieldError(PaymentServiceError):
    """A field cannot be accepted. ``error`` is the code of the answer; ``message`` tells the sender what to change."""

    def __init__(self, error: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a command. ``read`` turns its name and JSON value into the command's value or raises FieldError."""

    name: str
    read: Callable[[str, Any], Any]
    required: bool = True


def text(longest: int) -> Callable[[str, Any], str]:
    """A reader of strings of 1 to ``longest`` characters that are not all white space."""

    def read(name: str, value: Any) -> str:
        if isinstance(value, str) and value.strip() and len(value) <= longest:
            return value
        raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{name} must be a string of 1 to {longest} characters")

    return read


def amount(name: str, value: Any) -> int:
    """An integer, in minor units. Raises FieldError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise FieldError(
        ErrorCode.INVALID_AMOUNT, f"{name} must be a JSON integer in minor units: no quotes, no decimal point"
    )


def currency(name: str, value: Any) -> str:
    """An ISO 4217 code that Stripe takes, in lower case. Raises FieldError."""
    if isinstance(value, str) and is_currency(value.lower()):
        return value.lower()
    raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{name} must be an ISO 4217 code that Stripe takes, such as sgd")


def url(name: str, value: Any) -> str:
    """An http or https URL. Raises FieldError."""
    if isinstance(value, str) and len(value) <= 2048 and _URL.fullmatch(value):
        return value
    raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{name} must be an http:// or https:// URL of at most 2048 characters")


def payment_id(name: str, value: Any) -> UUID:
    """A payment's id: a UUID. Raises FieldError."""
    given = text(ID_LENGTH)(name, value)
    found = written_payment_id(given)
    if found is not None:
        return found
    raise FieldError(
        ErrorCode.PAYMENT_NOT_FOUND, f"{name} is no payment's id: use the payment_id of the payment.authorized event"
    )


ID = text(ID_LENGTH)
"""Any id that a sender chose."""


def read_field(field: Field, value: Any) -> Any:
    """The field's value; None if it is optional and absent. Raises FieldError."""
    if value is None and field.required:
        raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{field.name} is missing: send it")
    absent = value is None or (not field.required and isinstance(value, str) and not value.strip())
    return None if absent else field.read(field.name, value)
