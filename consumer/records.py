"""Keeps a Kafka record in bounded form, and estimates its memory."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from runtime.logs import get_logger
from service.domain.command_json import MAX_BYTES
from service.domain.command_skim import READABLE_BYTES
from service.domain.received_records import Cut, Origin

_log = get_logger(__name__)
_CUT_TO = 2 * MAX_BYTES
_MOST_HEADERS = 256
_HEADER_BYTES = 64 * 1024
_JOB_BYTES = 4096
"""Memory of a job and its command, whose fields are all bounded, without its record."""
_A_HEADER = 200

Headers = Sequence[tuple[str, bytes | None]]


def origin_of(message: Message) -> Origin:
    """The record. A key or value above 16 MiB is cut, and kept with the size and digest of the whole."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise ValueError("a record without topic, partition and offset is no record of a topic")
    key, key_cut = _kept(message.key())
    value, value_cut = _kept(message.value())
    return Origin(topic, partition, offset, key, value, _headers(message), key_cut, value_cut, _time(message))


def _time(message: Message) -> datetime | None:
    kind, milliseconds = message.timestamp()
    try:
        return None if kind == TIMESTAMP_NOT_AVAILABLE else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # A sender may send any number.
        return None


def size_of(origin: Origin) -> int:
    """Bytes that a job with this record holds in memory."""
    headers = sum(_A_HEADER + _length(header) for header in origin.headers)
    return len(origin.value or b"") + len(origin.key or b"") + headers + _JOB_BYTES


def _kept(data: bytes | None) -> tuple[bytes | None, Cut | None]:
    if data is None or len(data) <= READABLE_BYTES:
        return data, None
    return data[:_CUT_TO], Cut(len(data), hashlib.sha256(data).hexdigest())


def _length(header: tuple[str, bytes | None]) -> int:
    return len(header[0]) + len(header[1] or b"")


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    try:
        found = message.headers() or []
    except (SystemError, UnicodeDecodeError) as exc:  # The binding decodes names as UTF-8; a sender may use another.
        _log.warning("headers cannot be read", offset=message.offset(), partition=message.partition(), error=str(exc))
        return []
    pairs = found.items() if isinstance(found, dict) else found
    headers = [(name, value.encode() if isinstance(value, str) else value) for name, value in pairs]
    size = sum(map(_length, headers))
    if len(headers) > _MOST_HEADERS or size > _HEADER_BYTES:
        _log.warning(
            "headers are not kept: too many", offset=message.offset(), partition=message.partition(), bytes=size
        )
        return []
    return headers
