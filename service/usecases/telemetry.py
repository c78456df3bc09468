"""Telemetry of commands: the names on their log lines, one line for each event, and counters of answers.

Names are bound to the thread (structlog documentation, "Context Variables"), so that every line of the work has them,
those of gateway and storage, too. A consumer's worker clears them after each job, ``serve`` before each request.
"""

from prometheus_client import Counter, Histogram
from structlog.contextvars import bind_contextvars, get_contextvars, unbind_contextvars

from runtime import tracing
from runtime.logs import get_logger
from service.domain.commands.command import CommandKey
from service.domain.events import Answer
from service.domain.messages import OutgoingMessage, trace_id, trace_of
from service.domain.payment import Payment, PaymentStatus

log = get_logger(__name__)

_OF_ANOTHER_COMMAND = ("caller", "stripe_request_id")

_ANSWERED = Counter(
    "payment_commands_answered",
    "Commands answered, by type and outcome: the type of the event, or the error code of payment.failed",
    ["command_type", "outcome"],
)
_SECONDS = Histogram(
    "payment_command_answer_seconds",
    "From a command's acceptance to its answer, waits for the customer included",
    ["command_type"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400),
)


def begin(key: CommandKey, payment: Payment, traceparent: str | None) -> None:
    """Bind the names of a command that is worked on. Its caller is known only if its record brought it here."""
    bound = get_contextvars()
    if (bound.get("command_type"), bound.get("correlation_id")) != key:
        unbind_contextvars(*_OF_ANOTHER_COMMAND)
    bind_contextvars(
        command_type=key.command_type,
        correlation_id=key.correlation_id,
        trace_id=tracing.trace_id() or trace_id(trace_of(key, traceparent)),
    )
    about(payment)


def about(payment: Payment) -> None:
    """Bind the names of a payment."""
    bind_contextvars(payment_id=str(payment.payment_id), order_id=payment.order_id)


def in_trace(traceparent: str | None) -> None:
    """Bind the trace that a payment's command has."""
    if traceparent is not None:
        bind_contextvars(trace_id=trace_id(traceparent))


def recorded(answer: Answer, message: OutgoingMessage, seconds: float) -> None:
    """The line of an event that is committed, and the count of an answer.

    ``seconds``: from the command's acceptance to its answer.
    """
    facts = {name: answer.payload.get(name) for name in ("payment_id", "order_id", "status", "error", "stripe_code")}
    names = {name: value for name, value in facts.items() if value is not None}
    names |= {"correlation_id": answer.correlation_id, "event_id": str(message.event_id), "trace_id": message.trace_id}
    if answer.command_type is None:
        log.info("news_recorded", news=answer.type, **names)
        return
    names |= {"command_type": answer.command_type, "duration_ms": round(1000 * seconds, 1)}
    log.info("command_answered", outcome=answer.type, **names)
    _count(answer, answer.command_type, seconds)


def _count(answer: Answer, command_type: str, seconds: float) -> None:
    _ANSWERED.labels(command_type, _outcome_of(answer)).inc()
    _SECONDS.labels(command_type).observe(seconds)


def _outcome_of(answer: Answer) -> str:
    """The label of the outcome. A revert that succeeded may be called ``payment.failed``, and is no error."""
    succeeded = answer.payload.get("status") == PaymentStatus.REVERTED
    return answer.type if succeeded else str(answer.payload.get("error", answer.type))


def ended(seconds: float) -> None:
    """The line of a command that is done and that nobody waits for: the service gave it to itself."""
    log.info("own_command_done", duration_ms=round(1000 * seconds, 1))
