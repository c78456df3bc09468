"""The consumer's crash points: steps between two durable effects."""

from enum import StrEnum


class CrashPoint(StrEnum):
    """Every step of the consumer at which a killed process leaves unfinished work behind."""

    BEFORE_OFFSET_COMMIT = "consumer.before_offset_commit"
    AFTER_OFFSET_COMMIT = "consumer.after_offset_commit"
