"""Takes a Kafka record in: keeps it in bounded form, reads its command, names the work, and queues it as a job."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message
from structlog.contextvars import bind_contextvars

from consumer.keyed_queue import Job
from consumer.metrics import CONSUMED, DEAD_LETTERS, SECONDS
from consumer.offsets import OffsetTracker
from consumer.ports import Commands
from consumer.workers import Workers
from runtime import tracing
from runtime.logs import get_logger
from service.domain.command_json import MAX_BYTES
from service.domain.command_reader import read
from service.domain.command_skim import READABLE_BYTES
from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import Command
from service.domain.commands.command import CommandKey
from service.domain.messages import trace_id, trace_of
from service.domain.payment import payment_id_of
from service.domain.received_records import Cut, InvalidCommand, Origin, UnreadableMessage

_log = get_logger(__name__)
_CUT_TO = 2 * MAX_BYTES
_MOST_HEADERS = 256
_HEADER_BYTES = 64 * 1024
_JOB_BYTES = 4096
"""Memory of a job and its command, whose fields are all bounded, without its record."""
_A_HEADER = 200

Found = Command | InvalidCommand | UnreadableMessage
"""What the reader made of a record."""

_LARGE = "\0large"
"""The key of large refused records. They run one at a time, because storing one takes ten times its size in memory."""
_LARGE_BYTES = 64 * 1024


class Intake:
    """Reads records and queues their commands; a record counts as finished once it is durable."""

    def __init__(self, commands: Commands, workers: Workers, tracker: OffsetTracker, default_currency: str) -> None:
        self._commands = commands
        self._workers = workers
        self._tracker = tracker
        self._default_currency = default_currency

    def accept(self, message: Message) -> None:
        """Queue one record. Ignores a record of a partition that is no longer ours; its new owner gets it."""
        origin = origin_of(message)
        ticket = self._tracker.begin((origin.topic, origin.partition), origin.offset, time.monotonic())
        if ticket is None:
            return
        found = read(message.value(), self._default_currency)
        kind, key, run = self._read(found, message.value(), origin)
        CONSUMED.labels(kind).inc()
        seconds = SECONDS.labels(kind)

        def timed() -> None:
            with seconds.time(), _processing(origin):
                run()

        self._workers.submit(
            Job(
                ordering_key=key,
                run=timed,
                done=lambda: self._tracker.finish(ticket),
                retry=True,
                claim=ticket.claim,
                # Each unreadable record becomes a dead letter of its own; a copy of any other record has no effect.
                content=None if kind == "unreadable" else origin.value,
                size=_size_of(origin),
                names=partial(_names_of, found, origin),
            )
        )

    def _read(self, found: Found, value: bytes | None, origin: Origin) -> tuple[str, str, Callable[[], None]]:
        large = value is not None and len(value) > _LARGE_BYTES
        if isinstance(found, UnreadableMessage):
            place = f"{origin.topic}/{origin.partition}/{origin.offset}"
            return "unreadable", _LARGE if large else place, lambda: self._dead_letter(found, origin)
        if isinstance(found, InvalidCommand):
            return "invalid", _LARGE if large else found.ordering_key, lambda: self._refuse(found, origin)
        command: Command = found
        return str(command.type), command.ordering_key, lambda: self._commands.handle(command, origin)

    def _refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        self._commands.refuse(invalid, origin)
        DEAD_LETTERS.labels(invalid.error).inc()

    def _dead_letter(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        self._commands.dead_letter(unreadable, origin)
        DEAD_LETTERS.labels(unreadable.reason).inc()


def _names_of(found: Found, origin: Origin) -> dict[str, str]:
    """The names that are known before the work begins. ``caller`` is the record's place: topic, partition, offset."""
    names: dict[str, str | None] = {"caller": f"{origin.topic}/{origin.partition}/{origin.offset}"}
    if isinstance(found, InvalidCommand):
        key = CommandKey(found.command_type, found.correlation_id)
        names |= {"payment_id": found.payment_id, "order_id": found.order_id}
    elif isinstance(found, UnreadableMessage):
        return {"caller": str(names["caller"])}
    elif isinstance(found, Authorize):
        key = found.key
        names |= {"payment_id": str(payment_id_of(found.correlation_id)), "order_id": found.order_id}
    else:
        key = found.key
        names |= {"payment_id": str(found.payment_id)}
    names |= {"command_type": key.command_type, "correlation_id": key.correlation_id}
    names |= {"trace_id": trace_id(trace_of(key, origin.traceparent))}
    return {name: value for name, value in names.items() if value is not None}


def _processing(origin: Origin) -> AbstractContextManager[object]:
    """The span of a record's work, in its sender's trace (OpenTelemetry semantic conventions, "Messaging spans")."""
    return _recorded(origin) if tracing.records() else tracing.span("process", parent=origin.traceparent)


@contextmanager
def _recorded(origin: Origin) -> Iterator[None]:
    about = {
        **tracing.messaging(origin.topic, "process"),
        "messaging.destination.partition.id": str(origin.partition),
        "messaging.kafka.offset": origin.offset,
    }
    kind = tracing.SpanKind.CONSUMER
    with tracing.span(f"process {origin.topic}", kind, parent=origin.traceparent, attributes=about) as span:
        if span.is_recording():
            bind_contextvars(trace_id=f"{span.get_span_context().trace_id:032x}")
        yield


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


def _size_of(origin: Origin) -> int:
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
