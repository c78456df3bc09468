"""What a Kafka error means to the relay."""

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
"""Errors that are a record's own fault, with its reason in the dead letters: it would never go, and the rest would."""

MALFORMED = "RECORD_MALFORMED"
"""The reason of a row that cannot even be made a record."""

TOPIC_MISSING = "TOPIC_MISSING"
"""The reason of a row whose topic cannot be had when there is no room to let it wait."""

CONSEQUENCES = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
"""What befell a record because another one failed."""


class RecordRefusedError(PaymentServiceError):
    """A row is refused for itself, and nothing of its batch is published, or everything may be again."""

    def __init__(self, reason: str, detail: str, position: int | None = None) -> None:
        """``position`` of the row; None when the broker refused without saying which."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.position = position


def error_of(exc: KafkaException) -> KafkaError:
    """The error inside the exception."""
    error: KafkaError = exc.args[0]
    return error


def refusal(error: KafkaError, position: int | None = None) -> RecordRefusedError | None:
    """The refusal that ``error`` is, None when it is no record's own fault."""
    reason = REFUSALS.get(error.code())
    return RecordRefusedError(reason, error.str(), position) if reason else None


def raise_refusal(error: KafkaError, position: int | None = None) -> NoReturn:
    """Raises RecordRefusedError when a record is at fault, else KafkaException."""
    raise refusal(error, position) or KafkaException(error)


def passes(error: KafkaError) -> bool:
    """Whether the same call may simply be made again."""
    final = error.fatal() or error.txn_requires_abort()
    return bool(error.retriable()) or (error.code() == KafkaError._TIMED_OUT and not final)


def served(call: Callable[[], T]) -> T:
    """``call``, which serves librdkafka's callbacks. Raises what it raises, and KafkaException for a fatal error.

    The binding raises a fatal error from among the callbacks and calls the rest of them all the same; the next one then
    ends in a SystemError, because an exception stands already (seen with confluent-kafka 2.16).
    """
    try:
        return call()
    except SystemError as exc:
        cause: BaseException | None = exc
        while cause is not None and not isinstance(cause, KafkaException):
            cause = cause.__cause__
        raise cause or exc from None
