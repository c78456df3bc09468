"""How a field of a command is read: kind, bounds, and the message to the caller when the field is wrong."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from runtime.errors import PaymentServiceError
from service.domain.errors import ErrorCode
from service.domain.money import is_currency
from service.domain.payment import written_payment_id

_URL = re.compile(r"https?://[^\s/?#\\]+\S*", re.IGNORECASE)
ID_LENGTH = 255


class FieldError(PaymentServiceError):
    """One field cannot be accepted: with which code the command is answered, and what to do about it."""

    def __init__(self, error: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message


@dataclass(frozen=True, slots=True)
class Field:
    """``read`` turns the JSON value into the command's or raises FieldError."""

    name: str
    read: Callable[[str, Any], Any]
    required: bool = True


def text(longest: int) -> Callable[[str, Any], str]:
    """A string of 1 to ``longest`` characters that says something."""

    def read(name: str, value: Any) -> str:
        if isinstance(value, str) and value.strip() and len(value) <= longest:
            return value
        raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{name} must be a string of 1 to {longest} characters")

    return read


def amount(name: str, value: Any) -> int:
    """Minor units."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise FieldError(
        ErrorCode.INVALID_AMOUNT, f"{name} must be a JSON integer in minor units: no quotes, no decimal point"
    )


def currency(name: str, value: Any) -> str:
    """An ISO 4217 code, in lower case."""
    if isinstance(value, str) and is_currency(value.lower()):
        return value.lower()
    raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{name} must be an ISO 4217 code that Stripe takes, such as sgd")


def url(name: str, value: Any) -> str:
    """A page's address."""
    if isinstance(value, str) and len(value) <= 2048 and _URL.fullmatch(value):
        return value
    raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{name} must be an http:// or https:// URL of at most 2048 characters")


def payment_id(name: str, value: Any) -> UUID:
    """The id of a payment."""
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
    """The command's value; None where the sender left it out. Raises FieldError."""
    if value is None and field.required:
        raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{field.name} is missing: send it")
    absent = value is None or (not field.required and isinstance(value, str) and not value.strip())
    return None if absent else field.read(field.name, value)
