"""Steps of the consumer between two durable effects."""

from enum import StrEnum


class CrashPoint(StrEnum):
    """Every step of the consumer after which a dead process leaves something behind."""

    BEFORE_OFFSET_COMMIT = "consumer.before_offset_commit"
    AFTER_OFFSET_COMMIT = "consumer.after_offset_commit"
