"""A record's bytes as JSON that can be kept: decoded once, never trusted, never raising but ``UnreadableError``."""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runtime.errors import PaymentServiceError

MAX_BYTES = 1024 * 1024
MAX_VALUES = 10_000
"""Of a message: a command has about ten. As objects of Python each may hold eighty times its bytes."""
MAX_DEPTH = 64
_MAX_DIGITS = 4000  # Python refuses to convert more than 4,300 digits, PostgreSQL's jsonb takes 131,072.
_MAX_NAME = 100

STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A JSON string. One that does not end goes on to the end of the text, so that no text is searched more than once."""


class UnreadableReason(StrEnum):
    """Why no answer is possible."""

    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    TOO_DEEP = "TOO_DEEP"
    NOT_JSON = "NOT_JSON"
    NOT_AN_OBJECT = "NOT_AN_OBJECT"
    AMBIGUOUS = "AMBIGUOUS"
    NO_TYPE = "NO_TYPE"
    NO_CORRELATION_ID = "NO_CORRELATION_ID"


class UnreadableError(PaymentServiceError):
    """The record cannot be answered: a reason code, and what was wrong."""

    def __init__(self, reason: UnreadableReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class ExcessiveError(UnreadableError):
    """Too large, or too many values, to be made objects of."""

    def __init__(self, detail: str) -> None:
        super().__init__(UnreadableReason.TOO_LARGE, detail)


class Repeated(dict[str, Any]):
    """An object in which a name stands twice; readers differ in which one they take (RFC 8259, "Objects")."""

    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OddNumber:
    """A number that no command can mean: NaN and Infinity (which Python's own json sends), or too long to hold.

    Read as a value of no field's kind, so that the rest of the message can still be answered.
    """

    literal: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Content that PostgreSQL's jsonb takes; ``fault`` is the first thing in it that cannot be accepted."""

    content: Any
    fault: str | None = None


def decode(value: bytes | None) -> Any:
    """The JSON in ``value``; a JSON string that holds JSON is decoded once more.

    Raises UnreadableError, and ExcessiveError before anything is built of what is too much.
    """
    if value is not None and len(value) > MAX_BYTES:
        raise ExcessiveError(f"the message has {len(value)} bytes: send at most {MAX_BYTES}")
    if value is None or not value.strip():
        raise UnreadableError(UnreadableReason.EMPTY, "the record has no value: send a JSON object")
    try:
        text = value.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UnreadableError(UnreadableReason.NOT_JSON, f"the value is not UTF-8: {exc.reason}") from exc
    decoded = parse(text)
    return parse(decoded) if isinstance(decoded, str) else decoded


def parse(text: str) -> Any:
    """The JSON in ``text``. Raises UnreadableError, and ExcessiveError before anything is built of too many values."""
    if _separators(text) > MAX_VALUES and _separators(STRING.sub("", text)) > MAX_VALUES:
        raise ExcessiveError(f"the message holds more than {MAX_VALUES} values: send fewer")
    try:
        return json.loads(
            text, object_pairs_hook=object_of, parse_int=_integer, parse_float=_decimal, parse_constant=OddNumber
        )
    except RecursionError as exc:
        raise UnreadableError(UnreadableReason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels") from exc
    except ValueError as exc:
        raise UnreadableError(UnreadableReason.NOT_JSON, f"not JSON: {exc}") from exc


def _separators(text: str) -> int:
    """No fewer than the values in ``text``: before each stands one of these, and some may stand in strings."""
    return text.count(",") + text.count("[") + text.count("{")


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict, or Repeated where a name stands twice."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = Repeated(found)
    repeated.names = frozenset(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return repeated


def _integer(literal: str) -> int | OddNumber:
    return int(literal) if len(literal) <= _MAX_DIGITS else OddNumber(literal)


def _decimal(literal: str) -> float | OddNumber:
    number = float(literal)
    return number if math.isfinite(number) else OddNumber(literal)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold it: no NUL (PostgreSQL manual, "Character Types"), no half a surrogate pair."""
    return text.isprintable() or not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


def keep(content: Any) -> Kept:
    """``content`` made fit to be stored, with a fault for the first place that was not."""
    keeper = _Keeper()
    kept = keeper.keep(content, "", 0)
    return Kept(kept, keeper.fault)


class _Keeper:
    def __init__(self) -> None:
        self.fault: str | None = None

    def keep(self, value: Any, path: str, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, OddNumber):
            return value.literal
        if not isinstance(value, dict | list):
            return value
        if depth >= MAX_DEPTH:
            self._fault(path, f"is nested deeper than {MAX_DEPTH} levels: flatten it")
            return "…"
        if isinstance(value, list):
            return [self.keep(entry, f"{path}[{n}]", depth + 1) for n, entry in enumerate(value)]
        if isinstance(value, Repeated):
            self._fault(path, f"has {_excerpt(min(value.names))} more than once: send each field once")
        return {
            self._text(name, path): self.keep(entry, f"{path}.{name}" if path else name, depth + 1)
            for name, entry in value.items()
        }

    def _text(self, text: str, path: str) -> str:
        if is_storable(text):
            return text
        self._fault(path, "holds a NUL character or half a surrogate pair: remove it")
        return _storable(text)

    def _fault(self, path: str, what: str) -> None:
        if self.fault is None:
            self.fault = f"{_excerpt(path) or 'the message'} {what}"


def _excerpt(name: str) -> str:
    return _storable(name)[:_MAX_NAME]


def _storable(text: str) -> str:
    return text.replace("\0", "\\u0000").encode("utf-8", "backslashreplace").decode()
