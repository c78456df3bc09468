"""Each call to Stripe as a span, and each call that failed as a log line, with the request id of Stripe's log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import stripe
from structlog.contextvars import bind_contextvars

from runtime import tracing
from runtime.logs import get_logger
from service.domain.errors import StripeBusyError, StripeRefusedError
from service.gateway.faults import ErrorAnswer, Fault

_log = get_logger(__name__)

_OURS = (stripe.AuthenticationError, stripe.PermissionError, stripe.IdempotencyError)
"""Errors that no retry removes: a wrong key, or a fault in this code."""


@dataclass(frozen=True, slots=True)
class CallSeen:
    """One call under way. ``operation``: method and path, with ``{id}`` in the place of an id."""

    operation: str
    span: tracing.Span

    def answered(self, status: int, request_id: str | None) -> None:
        """Stripe did it. Later lines of the same work name the request, too."""
        if request_id is not None:
            bind_contextvars(stripe_request_id=request_id)
        if self.span.is_recording():
            self.span.set_attributes({"http.response.status_code": status, "stripe.request_id": request_id or ""})

    def failed(self, answer: ErrorAnswer, fault: Fault, pace: float | None) -> None:
        """Log an error, or a missing answer. ``pace``: the requests per second that Stripe lets us make, if limited."""
        error, code = answer.error, answer.text("decline_code") or answer.text("code")
        kind = type(error).__name__
        names = {
            "http_status": error.http_status,
            "code": code,
            "stripe_request_id": answer.request_id,
            "requests_per_second": pace,
        }
        log = _log.error if isinstance(error, _OURS) else _log.info if _is_refusal(fault) else _log.warning
        log(
            "stripe_call_failed",
            operation=self.operation,
            result=_result(fault),
            kind=kind,
            fault=str(fault),
            **{name: value for name, value in names.items() if value is not None},
        )
        if self.span.is_recording():
            given = {"http.response.status_code": error.http_status, "stripe.request_id": answer.request_id}
            self.span.set_attributes({name: value for name, value in given.items() if value is not None})
            tracing.failed(self.span, str(error.http_status or kind), code or kind)


@contextmanager
def call_seen(method: str, path: tuple[str, ...]) -> Iterator[CallSeen]:
    """A span around one request (OpenTelemetry semantic conventions, "HTTP client")."""
    template = _template(path)
    operation = f"{method.upper()} {template}"
    about = {"http.request.method": method.upper(), "url.template": template, "peer.service": "stripe"}
    with tracing.span(operation, tracing.SpanKind.CLIENT, attributes=about) as span:
        yield CallSeen(operation, span)


def _template(path: tuple[str, ...]) -> str:
    """The path without ids: every second part is one, but for the search."""
    parts = [part if number != 1 or part == "search" else "{id}" for number, part in enumerate(path)]
    return "/v1/" + "/".join(parts)


def _is_refusal(fault: Fault) -> bool:
    return isinstance(fault, StripeRefusedError)


def _result(fault: Fault) -> str:
    if _is_refusal(fault):
        return "refused"
    return "busy" if isinstance(fault, StripeBusyError) else "unknown"
