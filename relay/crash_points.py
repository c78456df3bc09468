"""The relay's crash points: steps between two durable effects."""

from enum import StrEnum


class CrashPoint(StrEnum):
    """Every step of the relay at which a killed process leaves unfinished work behind."""

    AFTER_READ = "relay.after_read"
    IN_TRANSACTION = "relay.in_transaction"
    BEFORE_KAFKA_COMMIT = "relay.before_kafka_commit"
    AFTER_REFUSAL = "relay.after_refusal"
    AFTER_KAFKA_COMMIT = "relay.after_kafka_commit"
    AFTER_CHECKPOINT = "relay.after_checkpoint"
