"""Names a record's work: for its log lines, and for its span."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from structlog.contextvars import bind_contextvars

from runtime import tracing
from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import Command
from service.domain.commands.command import CommandKey
from service.domain.messages import trace_id, trace_of
from service.domain.payment import payment_id_of
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage

Found = Command | InvalidCommand | UnreadableMessage
"""What the reader made of a record."""


def names_of(found: Found, origin: Origin) -> dict[str, str]:
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


def processing(origin: Origin) -> AbstractContextManager[object]:
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
