"""Each request's id, span, access log line and metrics. Query strings and bodies are neither read nor logged here."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from time import perf_counter
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

from runtime import tracing
from runtime.logs import get_logger

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time to answer",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

UNKNOWN_ROUTE = "unknown"
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET_ROUTES = frozenset({"/health", "/ready", "/metrics"})
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)

_NO_SPAN: AbstractContextManager[object] = nullcontext()
_access = get_logger("service.access")


def install(app: Flask) -> None:
    """Observe every request of ``app``, including those that match no route."""

    @app.before_request
    def begin() -> None:
        g.started = perf_counter()
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        # A worker reuses its threads, and they keep the names of the last request.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        g.span = _span()
        g.span.__enter__()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        _record(response.status_code, perf_counter() - g.started)
        tracing.answered(response.status_code)
        g.span.__exit__(None, None, None)
        return response


@cache
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The two series, cached: there are only as many as methods, routes and statuses."""
    return REQUESTS.labels(method, route, status), DURATION.labels(method, route)


@cache
def template(rule: str) -> str:
    """A route in the contract's form: ``/payment/<order_id>/status``."""
    return rule.replace("<opaque:", "<")


def _route() -> str:
    return UNKNOWN_ROUTE if request.url_rule is None else template(request.url_rule.rule)


def _method() -> str:
    return request.method if request.method in _KNOWN_METHODS else "other"


def _span() -> AbstractContextManager[object]:
    given = request.headers.get("traceparent")
    return _begun(given) if given is not None or tracing.records() else _NO_SPAN


@contextmanager
def _begun(given: str | None) -> Iterator[None]:
    """The request's span, in its caller's trace (OpenTelemetry semantic conventions, "HTTP server").

    Probes have none.
    """
    method, route = _method(), _route()
    if route in _QUIET_ROUTES:
        yield
        return
    about = {"http.request.method": method, "http.route": route, "url.path": request.path, "url.scheme": request.scheme}
    with tracing.span(f"{method} {route}", tracing.SpanKind.SERVER, parent=given, attributes=about):
        trace_id = tracing.trace_id()
        if trace_id is not None:
            structlog.contextvars.bind_contextvars(trace_id=trace_id)
        yield


def _record(status: int, seconds: float) -> None:
    route, method = _route(), _method()
    requests, duration = _series(method, route, status)
    requests.inc()
    duration.observe(seconds)
    # Probes come every few seconds; only a failed one is worth a line.
    log = _access.debug if route in _QUIET_ROUTES and status < 400 else _access.info
    log("request", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 2))
