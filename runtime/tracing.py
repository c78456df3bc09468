"""Traces of OpenTelemetry: spans, and the W3C trace context that goes in and out as ``traceparent``.

Without a set-up (``trace_export``) the API records nothing. A span then only hands the given trace on to the spans,
messages and log lines inside it. No span keeps the text of an exception, because it may quote values of rows.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.util.types import AttributeValue

from runtime.error_text import described
from runtime.version import VERSION

__all__ = ["Attributes", "Link", "Span", "SpanContext", "SpanKind", "span", "started"]

Attributes = Mapping[str, AttributeValue]

DATABASE: Attributes = {"db.system.name": "postgresql"}
"""The attributes of a span around a database transaction."""

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_tracer = trace.get_tracer("payment-service", VERSION)
_NOT_RECORDED: AbstractContextManager[Span] = nullcontext(INVALID_SPAN)


def span_context(given: str | None) -> SpanContext | None:
    """The sender's span; None without a valid ``traceparent`` (W3C Trace Context, "traceparent Header")."""
    found = None if given is None else _TRACEPARENT.fullmatch(given)
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))


def _here() -> SpanContext | None:
    found = trace.get_current_span().get_span_context()
    return found if found.is_valid else None


def traceparent() -> str | None:
    """The present span as ``traceparent``; None where no trace has begun."""
    here = _here()
    return None if here is None else _written(here)


def going_on(given: str | None) -> str | None:
    """The trace that goes on here: the present span's, else the sender's."""
    return traceparent() or given


def trace_id() -> str | None:
    """The id of the present trace in hex; None where none has begun."""
    here = _here()
    return None if here is None else f"{here.trace_id:032x}"


def _written(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _other_trace(parent: str | None) -> SpanContext | None:
    """The parent's span; None if the present span belongs to its trace."""
    if parent is None:
        return None
    given, here = span_context(parent), _here()
    return None if given is not None and here is not None and here.trace_id == given.trace_id else given


def _inside(parent: str | None) -> tuple[Context | None, list[Link]]:
    """The context of a new span: inside the present one, or in the parent's trace, with a link to the present one."""
    given = _other_trace(parent)
    if given is None:
        return None, []
    here = _here()
    return trace.set_span_in_context(NonRecordingSpan(given)), [] if here is None else [Link(here)]


def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    *,
    parent: str | None = None,
    attributes: Attributes | None = None,
) -> AbstractContextManager[Span]:
    """A span around the block, as a child of the present one; or of ``parent``, if that belongs to another trace.

    In the second case each of the two has a link to the other. A block that raises ends with an error, which has the
    exception's text without values of rows.
    """
    if records():
        return _recorded(name, kind, parent, attributes)
    given = _other_trace(parent)
    if given is None:
        return _NOT_RECORDED
    return trace.use_span(NonRecordingSpan(given), record_exception=False, set_status_on_exception=False)


@contextmanager
def _recorded(name: str, kind: SpanKind, parent: str | None, attributes: Attributes | None) -> Iterator[Span]:
    context, links = _inside(parent)
    present = trace.get_current_span()
    with _tracer.start_as_current_span(
        name, context, kind, attributes, links, record_exception=False, set_status_on_exception=False
    ) as begun:
        if links:
            present.add_link(begun.get_span_context())
        try:
            yield begun
        except Exception as error:
            if begun.is_recording():
                failed(begun, type(error).__name__, described(error))
            raise


def failed(begun: Span, kind: str, why: str) -> None:
    """Mark a span as failed. ``kind``: an error's class or code."""
    begun.set_attribute("error.type", kind)
    begun.set_status(Status(StatusCode.ERROR, why))


def answered(status: int) -> None:
    """Note the HTTP status of the request whose span is the present one."""
    here = trace.get_current_span()
    if here.is_recording():
        here.set_attribute("http.response.status_code", status)
        if status >= 500:
            failed(here, str(status), "")


def message_created(topic: str, parent: str | None, attributes: Attributes | None = None) -> str | None:
    """The ``traceparent`` of a message that is written now; None where no trace has begun.

    Its span is the message's creation (OpenTelemetry semantic conventions, "Messaging spans"): senders and readers of
    the message refer to it.
    """
    if not records():
        return traceparent() if _other_trace(parent) is None else parent
    context, links = _inside(parent)
    attributes = {**messaging(topic, "create"), **(attributes or {})}
    made = _tracer.start_span(f"create {topic}", context, SpanKind.PRODUCER, attributes, links)
    made.end()
    found = made.get_span_context()
    return _written(found) if found.is_valid else None


def started(
    name: str, kind: SpanKind, parent: SpanContext | None, attributes: Attributes, links: Sequence[Link] = ()
) -> Span:
    """A span that the caller ends. It is not the present one, and without ``parent`` it begins a trace."""
    context = Context() if parent is None else trace.set_span_in_context(NonRecordingSpan(parent), Context())
    return _tracer.start_span(name, context, kind, attributes, links)


def messaging(topic: str, operation: str) -> dict[str, AttributeValue]:
    """The attributes of every span about messages."""
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
    }


@cache
def records() -> bool:
    """Whether spans are recorded at all: if not, work for spans alone is left out.

    The first call decides, because each look at OpenTelemetry's set-up reads the environment. The set-up comes before
    the first piece of work.
    """
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider)
