"""The variables that enable traces, and the behavior if a collector is unavailable."""

import threading
from collections.abc import Mapping

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from runtime import trace_export
from runtime.settings_source import SettingError

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}


@pytest.mark.parametrize(
    ("environ", "exporter"),
    [
        ({}, None),
        (ENDPOINT, "otlp_proto_http"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost/x"}, "otlp_proto_http"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp_proto_http"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp_proto_grpc"),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, None),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "True"}, None),
    ],
)
def test_exporter_or_endpoint_enables_traces(environ: Mapping[str, str], exporter: str | None) -> None:
    assert trace_export._wanted(environ) == exporter


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "nowhere"}, "OTEL_TRACES_EXPORTER"),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
    ],
)
def test_unknown_exporter_is_a_setting_error(environ: Mapping[str, str], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        trace_export.begin("service", environ)


def test_no_span_is_recorded_without_a_variable() -> None:
    export = trace_export.begin("service", {})
    with trace.get_tracer("test").start_as_current_span("work") as span:
        assert not span.is_recording()
    export.close()


def test_resource_attributes_of_the_environment_take_precedence() -> None:
    assert trace_export._names("relay", {})["service.name"] == "payment-relay"
    assert "service.name" not in trace_export._names("relay", {"OTEL_SERVICE_NAME": "x"})
    assert "service.name" not in trace_export._names("relay", {"OTEL_RESOURCE_ATTRIBUTES": "a=b,service.name=x"})


def test_shutdown_does_not_wait_for_a_hung_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    provider = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(provider, "shutdown", hangs.wait)
    monkeypatch.setattr(trace_export, "_FLUSH_SECONDS", 0.01)
    trace_export.Export(provider).close()
    hangs.set()
