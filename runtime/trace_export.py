"""Sends spans to a collector, if the process's environment asks for it and OpenTelemetry's SDK is installed.

The variables are OpenTelemetry's own ("Environment Variable Specification"). ``OTEL_TRACES_EXPORTER``, or an endpoint
of OTLP, switches traces on; the SDK reads all others.
"""

import os
from collections.abc import Mapping
from concurrent.futures import wait
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from opentelemetry import trace

from runtime.background import in_thread
from runtime.logs import get_logger
from runtime.settings_source import SettingError
from runtime.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORTER = "OTEL_TRACES_EXPORTER"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_FLUSH_SECONDS = 2.0
"""A collector that does not answer delays the end of a process by no more than this."""

_log = get_logger(__name__)


class Export:
    """The spans on their way to the collector; nothing where traces are off."""

    def __init__(self, provider: "TracerProvider | None" = None) -> None:
        self._provider = provider

    def close(self) -> None:
        """Send the spans that have ended, for at most 2 s."""
        if self._provider is not None:
            wait([in_thread("traces-flush", self._provider.shutdown)], _FLUSH_SECONDS)


def begin(process: str, environ: Mapping[str, str] = os.environ) -> Export:
    """Send the spans of this process. To be called after a fork. ``process`` becomes part of the service's name.

    Raises SettingError when no exporter of the given name is installed.
    """
    exporter = _wanted(environ)
    given = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    if exporter is None or given:
        # An agent that instruments Python from outside has set a provider already: it gets our spans.
        return Export()
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.error("traces_off", why="OpenTelemetry's SDK is not installed", mend="install requirements-otel.txt")
        return Export()
    provider = TracerProvider(resource=Resource.create(_names(process, environ)), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
    trace.set_tracer_provider(provider)
    _log.info("traces_on", exporter=exporter)
    return Export(provider)


def _wanted(environ: Mapping[str, str]) -> str | None:
    """The exporter's name as it is installed; None where the environment asks for no traces."""
    name = environ.get(EXPORTER) or ("otlp" if any(environ.get(each) for each in ENDPOINTS) else "none")
    if name == "none" or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if name != "otlp":
        return name
    protocol = next((environ[each] for each in _PROTOCOLS if environ.get(each)), "http/protobuf")
    if protocol not in _OTLP:
        raise SettingError(f"{_PROTOCOLS[1]}: is http/protobuf or grpc")
    return _OTLP[protocol]


def _exporter(name: str) -> "SpanExporter":
    for found in entry_points(group="opentelemetry_traces_exporter", name=name):
        made: SpanExporter = found.load()()
        return made
    raise SettingError(f"{EXPORTER}: no exporter {name} is installed")


def _names(process: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The resource's attributes that the environment leaves open."""
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {"service.version": VERSION, **({} if named else {"service.name": f"payment-{process}"})}
