"""Reading a command's fields: type, bounds, and the message to the sender of a wrong value."""

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
