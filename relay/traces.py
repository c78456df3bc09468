"""The spans of publishing: one for a batch, and one for each of its rows, in the trace that the row's headers name.

A batch belongs to many traces, so its span begins one of its own and links to the rows' (OpenTelemetry semantic
conventions, "Messaging spans", "Batch operations"). Where traces are off no header is read.
"""

from collections.abc import Sequence
from itertools import islice
from types import TracebackType

import msgspec

from relay.log_reader import Row
from runtime import tracing
from runtime.tracing import Link, Span, SpanContext, SpanKind

_MOST_LINKS = 128
"""Of one span: the SDK keeps no more by default (OTEL_SPAN_LINK_COUNT_LIMIT)."""

_decode = msgspec.json.Decoder(list[tuple[str, str]]).decode


class Publication:
    """The spans of one batch, from its first record to Kafka's acknowledgement of all of it."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._spans: list[Span] = []
        if not rows or not tracing.records():
            return
        found = [(row, context) for row in rows if (context := _context(row)) is not None]
        about = {**tracing.messaging("", "send"), "messaging.batch.message_count": len(rows)}
        topics = {row[1] for row in rows}
        about["messaging.destination.name"] = topics.pop() if len(topics) == 1 else ""
        links = [Link(context) for _, context in islice(found, _MOST_LINKS)]
        batch = tracing.started("send batch", SpanKind.CLIENT, None, about, links)
        self._spans.append(batch)
        self._spans += [_started(row, context, batch) for row, context in found if context.trace_flags.sampled]

    def __enter__(self) -> "Publication":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.done()
        else:
            self.failed(error)

    def done(self) -> None:
        """Kafka has all records of the batch."""
        for span in self._spans:
            span.end()

    def failed(self, error: BaseException) -> None:
        """The batch is not published: it is sent again, as another publication."""
        for span in self._spans:
            tracing.failed(span, type(error).__name__, "not published")
        self.done()


def _context(row: Row) -> SpanContext | None:
    """The span in which the row was written; None where its headers name none."""
    try:
        headers = dict(_decode(row[4]))
    except msgspec.MsgspecError:
        return None
    return tracing.span_context(headers.get("traceparent"))


def _started(row: Row, context: SpanContext, batch: Span) -> Span:
    position, topic, key, _, _, replayed, _ = row
    about = {
        **tracing.messaging(topic, "send"),
        "messaging.kafka.message.key": key,
        "outbox.position": position,
        "outbox.replayed": replayed,
    }
    return tracing.started(f"send {topic}", SpanKind.CLIENT, context, about, [Link(batch.get_span_context())])
