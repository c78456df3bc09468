"""What a Kafka error means to the relay."""

from confluent_kafka import KafkaError, KafkaException

REFUSALS = {
    KafkaError.MSG_SIZE_TOO_LARGE: "RECORD_TOO_LARGE",
    KafkaError.RECORD_LIST_TOO_LARGE: "RECORD_TOO_LARGE",
    KafkaError.INVALID_RECORD: "RECORD_INVALID",
    KafkaError.INVALID_TIMESTAMP: "RECORD_INVALID",
    KafkaError.TOPIC_EXCEPTION: "TOPIC_NAME_INVALID",
}
"""Errors that are a record's own fault, with its reason in the dead letters: it would never go, and the rest would."""

MALFORMED = "RECORD_MALFORMED"
"""The reason of a row that cannot even be made a record."""


class RefusedError(Exception):
    """At least one of the rows is refused for itself; none of them is published, or they may all be published again."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def error_of(exc: KafkaException) -> KafkaError:
    """The error inside the exception."""
    error: KafkaError = exc.args[0]
    return error


def refusal(error: KafkaError) -> RefusedError | None:
    """The refusal that ``error`` is, None when it is no record's own fault."""
    reason = REFUSALS.get(error.code())
    return RefusedError(reason, error.str()) if reason else None


def passes(error: KafkaError) -> bool:
    """Whether the same call may simply be made again."""
    final = error.fatal() or error.txn_requires_abort()
    return bool(error.retriable()) or (error.code() == KafkaError._TIMED_OUT and not final)
