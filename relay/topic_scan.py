"""The events in a topic, as a ``read_committed`` reader finds them."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from confluent_kafka import Message

from runtime.printable import printable
from runtime.topic_reader import Extent, Place, messages

_LARGEST_SEQUENCE = 2**63 - 1
_LONGEST = 200
"""Characters of a key, type or id that are kept to name a record."""
_ID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")


class Seen(NamedTuple):
    """An event as its topic holds it."""

    topic: str
    partition: int
    offset: int
    at: datetime
    event_id: str
    replayed: bool
    replay_id: str | None
    source: str | None
    type: str | None
    key: str | None
    sequence: int | None


def scan(config: Mapping[str, Any], wanted: Mapping[Place, Extent], beat: Callable[[], None]) -> Iterator[list[Seen]]:
    """Yield every event in ``wanted``, some at a time. Waits for open transactions. Raises KafkaException."""
    for some in messages(config, wanted, beat):
        yield [seen for message in some for seen in _event(message)]


def _event(message: Message) -> Iterator[Seen]:
    headers: dict[str, Any] = dict(message.headers() or [])
    event_id = _text(headers.get("ce_id"))
    if not _ID.fullmatch(event_id):
        return
    yield Seen(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        event_id,
        headers.get("replayed") == b"true",
        _text(headers.get("replay_id")) or None,
        _text(headers.get("ce_source")) or None,
        _text(headers.get("ce_type")) or None,
        _text(message.key()) or None,
        _number(headers.get("sequence")),
    )


def _text(value: Any) -> str:
    """A header or key as text that a table accepts, for any bytes."""
    return printable(bytes(value or b"").decode("utf-8", "replace"))[:_LONGEST] if isinstance(value, bytes) else ""


def _number(value: Any) -> int | None:
    text = _text(value)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    return number if number is not None and number <= _LARGEST_SEQUENCE else None
