"""Makes a job of a Kafka record, names its work for log lines and span, and puts it into the queue of its key."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from confluent_kafka import Message
from structlog.contextvars import bind_contextvars

from consumer.keyed_queue import Job
from consumer.metrics import CONSUMED, DEAD_LETTERS, SECONDS
from consumer.offsets import OffsetTracker
from consumer.ports import Commands
from consumer.records import origin_of, size_of
from consumer.workers import Workers
from runtime import tracing
from service.domain.command_reader import read
from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import Command
from service.domain.commands.command import CommandKey
from service.domain.messages import trace_id, trace_of
from service.domain.payment import payment_id_of
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage

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
                size=size_of(origin),
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
