"""The metrics of answered commands, counted once the answer is committed."""

from prometheus_client import Counter, Histogram

from service.domain.events import Answer
from service.domain.payment import PaymentStatus

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


def count(answer: Answer, seconds: float) -> None:
    """Count the answer of a command. ``seconds``: since the command was accepted."""
    command_type = str(answer.command_type)
    _ANSWERED.labels(command_type, outcome_of(answer)).inc()
    _SECONDS.labels(command_type).observe(seconds)


def outcome_of(answer: Answer) -> str:
    """The label of the outcome. A revert that succeeded may be called ``payment.failed``, and is no error."""
    succeeded = answer.payload.get("status") == PaymentStatus.REVERTED
    return answer.type if succeeded else str(answer.payload.get("error", answer.type))
