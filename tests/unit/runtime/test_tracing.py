"""Without traces, messages continue the sender's trace and nothing is recorded. No span contains a value of a row."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime import tracing

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-00"


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """A provider for this test only, because a process can set the API's provider only once."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    monkeypatch.setattr(tracing, "records", lambda: True)
    yield exporter
    provider.shutdown()


def _by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


class TestOff:
    def test_no_trace_begins(self) -> None:
        with tracing.span("a"):
            assert (tracing.traceparent(), tracing.trace_id(), tracing.message_created("t", None)) == (None, None, None)

    def test_given_trace_continues_in_spans_and_messages(self) -> None:
        with tracing.span("a", parent=TRACE), tracing.span("b"):
            assert tracing.traceparent() == TRACE
            assert tracing.message_created("t", None) == TRACE
        assert tracing.traceparent() is None

    def test_a_message_of_another_trace_keeps_its_own(self) -> None:
        with tracing.span("a", parent=TRACE):
            assert tracing.message_created("t", OTHER) == OTHER

    @pytest.mark.parametrize(
        "bad", ["", "x" * 4000, TRACE.upper(), f"{TRACE}\n", f"ff{TRACE[2:]}", f"00-{'0' * 32}{TRACE[35:]}", "\0"]
    )
    def test_invalid_trace_is_ignored(self, bad: str) -> None:
        with tracing.span("a", parent=bad):
            assert tracing.traceparent() is None
            assert tracing.message_created("t", bad) is None

    def test_exception_ends_the_span_and_propagates(self) -> None:
        with pytest.raises(KeyError), tracing.span("a", parent=TRACE):
            raise KeyError("x")
        assert tracing.traceparent() is None


class TestOn:
    def test_a_span_of_another_trace_and_the_present_one_link_to_each_other(
        self, recorded: InMemorySpanExporter
    ) -> None:
        with tracing.span("webhook"), tracing.span("apply", parent=TRACE):
            pass
        spans = _by_name(recorded)
        assert spans["apply"].parent is not None
        assert f"{spans['apply'].parent.span_id:016x}" == TRACE[36:52]
        assert [link.context.span_id for link in spans["apply"].links] == [spans["webhook"].context.span_id]
        assert [link.context.span_id for link in spans["webhook"].links] == [spans["apply"].context.span_id]

    def test_a_trace_that_its_sender_did_not_sample_is_not_recorded(self, recorded: InMemorySpanExporter) -> None:
        with tracing.span("a", parent=OTHER):
            assert (tracing.traceparent() or "")[3:35] == OTHER[3:35]
            assert (tracing.message_created("t", OTHER) or "").endswith("-00")
        assert recorded.get_finished_spans() == ()

    def test_an_error_has_no_values_of_a_row(self, recorded: InMemorySpanExporter) -> None:
        error = ValueError("duplicate key\nDETAIL:  Key (card)=(4242) already exists.")
        with pytest.raises(ValueError, match="duplicate"), tracing.span("a"):
            raise error
        span = _by_name(recorded)["a"]
        assert span.status.description == "ValueError: duplicate key"
        assert (span.attributes or {})["error.type"] == "ValueError"
        assert span.events == ()
