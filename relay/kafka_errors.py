"""Sorts Kafka's errors: a record's own fault, a passing fault, or the end of a term."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

from confluent_kafka import KafkaError, KafkaException

from runtime.errors import PaymentServiceError

T = TypeVar("T")

TOPIC_NAME_INVALID = "TOPIC_NAME_INVALID"

REFUSALS = {
    KafkaError.MSG_SIZE_TOO_LARGE: "RECORD_TOO_LARGE",
    KafkaError.RECORD_LIST_TOO_LARGE: "RECORD_TOO_LARGE",
    KafkaError.INVALID_RECORD: "RECORD_INVALID",
    KafkaError.INVALID_TIMESTAMP: "RECORD_INVALID",
    KafkaError.TOPIC_EXCEPTION: TOPIC_NAME_INVALID,
}
"""Errors that are a record's own fault, with the reason in the dead letters. Kafka would take all other records."""

MALFORMED = "RECORD_MALFORMED"
"""The reason for a row that can't be made into a record."""

TOPIC_MISSING = "TOPIC_MISSING"
"""The reason for a row whose topic can't be had, when there is no room to hold the row back."""

CONSEQUENCES = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
"""Errors of a record that follow from the failure of another record."""


class RecordRefusedError(PaymentServiceError):
    """A row is refused for itself. Its batch may be published again without it.

    With exactly-once delivery nothing of the batch was published; at-least-once delivery knows the rows that were.
    """

    def __init__(self, reason: str, detail: str, position: int | None = None) -> None:
        """``position`` is the row's; None when the broker did not name the record."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.position = position


def error_of(exc: KafkaException) -> KafkaError:
    """The error inside the exception."""
    error: KafkaError = exc.args[0]
    return error


def refusal(error: KafkaError, position: int | None = None) -> RecordRefusedError | None:
    """``error`` as a refusal; None when it is no record's own fault."""
    reason = REFUSALS.get(error.code())
    return RecordRefusedError(reason, error.str(), position) if reason else None


def raise_refusal(error: KafkaError, position: int | None = None) -> NoReturn:
    """Raises RecordRefusedError when a record is at fault, else KafkaException."""
    raise refusal(error, position) or KafkaException(error)


def passes(error: KafkaError) -> bool:
    """Whether the same call may be made again as it is."""
    final = error.fatal() or error.txn_requires_abort()
    return bool(error.retriable()) or (error.code() == KafkaError._TIMED_OUT and not final)


def served(call: Callable[[], T]) -> T:
    """Run ``call``, which serves librdkafka's callbacks. Raises what it raises, and KafkaException for a fatal error.

    The binding raises a fatal error in the middle of the callbacks and still calls the others. The next one then ends
    in a SystemError, because an exception is set already (seen with confluent-kafka 2.16).
    """
    try:
        return call()
    except SystemError as exc:
        cause: BaseException | None = exc
        while cause is not None and not isinstance(cause, KafkaException):
            cause = cause.__cause__
        raise cause or exc from None
