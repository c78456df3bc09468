"""Values that Stripe sent: each field of an object is read as it is, and no value is guessed.

Messages lose API keys, client secrets and card numbers, and request ids lose control characters, so that both are fit
to be stored and logged.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runtime.errors import PaymentServiceError
from runtime.printable import printable

Json = Mapping[str, Any]

MAX_TEXT = 40_000
"""Characters of the longest string read: an error's message (Stripe's OpenAPI description, ``maxLength``)."""

MAX_ID = 255
"""Characters of the longest id (Stripe documentation, "Upgrades: backward-compatible changes"); an index holds it."""

_UNSTORABLE = re.compile("[\\0\\ud800-\\udfff]")
"""JSON may escape NUL and half surrogate pairs; neither PostgreSQL nor UTF-8 takes them."""

_SECRETS = re.compile(
    r"\b(?:sk|rk|ek)_(?:test|live)_[\w*]+"  # API keys
    r"|\bwhsec_\w+"  # webhook secrets
    r"|(?<=_)secret_\w+"  # client secrets: pi_…_secret_…
    r"|\b\d(?:[ -]?\d){11,18}\b"  # card numbers: Stripe repeats a bad parameter in its message
)

_LONGEST_ID = 64
"""Characters of a request id that are kept. Stripe's ids have about 20."""

_FIRST_YEAR, _LAST_YEAR = 1970, 9998
"""The first and last year of a valid time: after the last one, another time zone's year may have five digits."""


class UnexpectedObjectError(PaymentServiceError, ValueError):
    """An object of Stripe's that lacks a field, or has a field with another type or an unknown status."""


def mapping(value: object, name: str) -> Json:
    """``value``, which must be an object. Raises UnexpectedObjectError."""
    if not isinstance(value, Mapping):
        raise UnexpectedObjectError(f"{name} is no object")
    return value


def text(body: Json, name: str) -> str:
    """A string that a database can hold. Raises UnexpectedObjectError."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or _UNSTORABLE.search(value):
        raise UnexpectedObjectError(f"{name} is no text")
    return value


def identifier(body: Json, name: str) -> str:
    """As ``text``, with at most 255 characters: Stripe's ids are no longer. Raises UnexpectedObjectError."""
    value = text(body, name)
    if len(value) > MAX_ID:
        raise UnexpectedObjectError(f"{name} is longer than {MAX_ID} characters")
    return value


def optional_identifier(body: Json, name: str) -> str | None:
    """As ``identifier``; None if the field is missing, null or empty."""
    return identifier(body, name) if body.get(name) not in (None, "") else None


def optional_text(body: Json, name: str) -> str | None:
    """As ``text``; None if the field is missing, null or empty."""
    return text(body, name) if body.get(name) not in (None, "") else None


def optional_flag(body: Json, name: str) -> bool | None:
    """A boolean; None if the field is missing or null. Raises UnexpectedObjectError."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise UnexpectedObjectError(f"{name} is no boolean")


def optional_time(body: Json, name: str) -> datetime | None:
    """A time (UTC), as ``moment_of`` reads it; None if the field is missing or null."""
    return None if body.get(name) is None else moment_of(body[name])


def moment_of(value: object) -> datetime | None:
    """The time (UTC) from seconds since the epoch or, in thin events, RFC 3339; None for any other value.

    No decision depends on it, so a bad time is no error.
    """
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


def id_of(body: Json, name: str) -> str:
    """An id, or the id of the expanded object. Raises UnexpectedObjectError."""
    value = body.get(name)
    return identifier(value, "id") if isinstance(value, Mapping) else identifier(body, name)


def optional_id(body: Json, name: str) -> str | None:
    """As ``id_of``; None if the field is missing or null."""
    return None if body.get(name) is None else id_of(body, name)


def integer(body: Json, name: str) -> int:
    """A whole number. Raises UnexpectedObjectError."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnexpectedObjectError(f"{name} is no integer")
    return value


def redact(message: str) -> str:
    """The message with every secret replaced by ``[redacted]``."""
    return _SECRETS.sub("[redacted]", message)


def request_id_of(sent: str | None) -> str | None:
    """A request id without control characters, cut to length. A proxy in Stripe's place may send any text."""
    return printable(sent[:_LONGEST_ID])[:_LONGEST_ID] if sent else None
