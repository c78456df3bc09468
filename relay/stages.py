"""The stages of the relay's work, in words for /ready, the log and a metric."""

from enum import Enum


class Stage(Enum):
    """A stage: the part of the outside world that it depends on, its words, and whether the relay is ready in it."""

    CONNECTING = ("database", "connecting", False)
    STANDING_BY = ("database", "standing by: another relay holds the lock", True)
    TAKING_OVER = ("database", "ending the last relay's session", False)
    MAKING_TOPICS = ("kafka", "looking for the topics", False)
    FENCING = ("kafka", "fencing older relays", False)
    RECEIPT = ("kafka", "reading the receipt", False)
    COMPARING = ("kafka", "comparing outbox and topics", False)
    READING = ("database", "reading the outbox", True)
    PRODUCING = ("kafka", "producing", True)
    COMMITTING = ("kafka", "committing", True)
    CHECKPOINT = ("database", "writing the checkpoint", True)
    BURYING = ("database", "writing a dead letter", True)
    SLEEPING = ("database", "waiting for rows", True)
    RETRYING = ("relay", "waiting to try again", False)

    def __init__(self, part: str, words: str, ready: bool) -> None:
        self.part = part
        self.words = words
        self.ready = ready
