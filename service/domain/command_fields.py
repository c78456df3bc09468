"""What each field of a command must be, as tables: kind, bounds, and what a caller is told when it is not."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from service.domain.commands import Authorize, Command, CommandType, Release, Revert
from service.domain.errors import ErrorCode
from service.domain.money import Money, amount_fault, is_currency

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s/?#\\]+\S*", re.IGNORECASE)
ID_LENGTH = 255


class FieldError(Exception):
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


def _amount(name: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise FieldError(
        ErrorCode.INVALID_AMOUNT, f"{name} must be a JSON integer in minor units: no quotes, no decimal point"
    )


def _currency(name: str, value: Any) -> str:
    if isinstance(value, str) and is_currency(value.lower()):
        return value.lower()
    raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{name} must be an ISO 4217 code that Stripe takes, such as sgd")


def _url(name: str, value: Any) -> str:
    if isinstance(value, str) and len(value) <= 2048 and _URL.fullmatch(value):
        return value
    raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{name} must be an http:// or https:// URL of at most 2048 characters")


def _payment_id(name: str, value: Any) -> UUID:
    given = text(ID_LENGTH)(name, value)
    if _UUID.fullmatch(given):
        return UUID(given)
    raise FieldError(
        ErrorCode.PAYMENT_NOT_FOUND, f"{name} is no payment's id: use the payment_id of the payment.authorized event"
    )


_ID = text(ID_LENGTH)

FIELDS: dict[CommandType, tuple[Field, ...]] = {
    CommandType.AUTHORIZE: (
        Field("order_id", _ID),
        Field("customer_id", _ID),
        Field("payment_method_id", _ID),
        Field("amount", _amount),
        Field("currency", _currency),
        Field("stripe_customer_id", _ID, required=False),
        Field("description", text(1000), required=False),
        Field("return_url", _url, required=False),
    ),
    CommandType.RELEASE: (
        Field("payment_id", _payment_id),
        Field("runner_id", _ID),
        Field("runner_connect_account_id", _ID),
    ),
    CommandType.REVERT: (
        Field("payment_id", _payment_id),
        Field("reason", text(5000), required=False),
    ),
}
"""Every command that may come from outside."""

_BUILD: dict[CommandType, Callable[..., Command]] = {kind.type: kind for kind in (Authorize, Release, Revert)}

_GRAVEST_FIRST = (ErrorCode.INVALID_PAYLOAD, ErrorCode.INVALID_AMOUNT, ErrorCode.PAYMENT_NOT_FOUND)


def build(kind: CommandType, correlation_id: str, given: dict[str, Any]) -> Command:
    """The command that ``given`` describes; null is absent, and so is an empty optional string.

    Raises FieldError with the gravest code and everything wrong under it.
    """
    values: dict[str, Any] = {}
    faults: list[FieldError] = []
    for field in FIELDS[kind]:
        try:
            values[field.name] = _read(field, given.get(field.name))
        except FieldError as fault:
            faults.append(fault)
    if kind is CommandType.AUTHORIZE and not faults:
        faults.extend(_amount_faults(values))
    for error in _GRAVEST_FIRST:
        found = [fault.message for fault in faults if fault.error is error]
        if found:
            raise FieldError(error, "; ".join(found))
    return _BUILD[kind](correlation_id=correlation_id, **values)


def _read(field: Field, value: Any) -> Any:
    if value is None and field.required:
        raise FieldError(ErrorCode.INVALID_PAYLOAD, f"{field.name} is missing: send it")
    absent = value is None or (not field.required and isinstance(value, str) and not value.strip())
    return None if absent else field.read(field.name, value)


def _amount_faults(values: dict[str, Any]) -> list[FieldError]:
    fault = amount_fault(Money(values["amount"], values["currency"]))
    return [] if fault is None else [FieldError(ErrorCode.INVALID_AMOUNT, fault)]
