"""A record's bytes as JSON that can be kept. The bytes are decoded once and never trusted; ``UnreadableError`` is the
only error."""

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
"""Values in one message; a command has about ten. As Python objects they may take eighty times their bytes."""
MAX_DEPTH = 64
_MAX_DIGITS = 4000  # Python refuses to convert more than 4,300 digits, PostgreSQL's jsonb takes 131,072.
_MAX_NAME = 100

STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A JSON string. A string without an end matches up to the end of the text, so that no text is searched twice."""


class UnreadableReason(StrEnum):
    """The reasons why a record cannot be answered."""

    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    TOO_DEEP = "TOO_DEEP"
    NOT_JSON = "NOT_JSON"
    NOT_AN_OBJECT = "NOT_AN_OBJECT"
    AMBIGUOUS = "AMBIGUOUS"
    NO_TYPE = "NO_TYPE"
    NO_CORRELATION_ID = "NO_CORRELATION_ID"


class UnreadableError(PaymentServiceError):
    """The record cannot be answered. ``reason`` is a code; ``detail`` describes the fault."""

    def __init__(self, reason: UnreadableReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class ExcessiveError(UnreadableError):
    """The record is too large, or has too many values, to be turned into objects."""

    def __init__(self, detail: str) -> None:
        super().__init__(UnreadableReason.TOO_LARGE, detail)


class Repeated(dict[str, Any]):
    """An object with a repeated name; readers differ in the value that they take (RFC 8259, "Objects")."""

    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OddNumber:
    """A number that no command can mean: NaN or Infinity (which Python's own json sends), or one too long to store.

    It becomes a value that no field accepts, so that the rest of the message can be read and answered.
    """

    literal: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Content that PostgreSQL's jsonb can store. ``fault``: the first place in it that cannot be accepted."""

    content: Any
    fault: str | None = None


def decode(value: bytes | None) -> Any:
    """The JSON in ``value``; a JSON string that holds JSON is decoded once more.

    Raises UnreadableError; its subclass ExcessiveError is raised before any object is built.
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
    """The JSON in ``text``. Raises UnreadableError; for too many values ExcessiveError, before any object is built."""
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
    """At least the number of values in ``text``: one of these precedes each value, and strings may hold more."""
    return text.count(",") + text.count("[") + text.count("{")


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dict; a Repeated if a name occurs twice."""
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
    """Whether PostgreSQL can store the text: no NUL (PostgreSQL manual, "Character Types"), no lone surrogate."""
    return text.isprintable() or not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


def keep(content: Any) -> Kept:
    """``content`` in a form that can be stored, with the fault of the first place that had to be changed."""
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
