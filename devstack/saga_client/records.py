"""Records as a reader receives them."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from confluent_kafka import Message

_SHOWN = 500

CommandKey = tuple[str, str]
"""Type and correlation id of a command."""

Place = tuple[int, int]
"""Partition and offset."""

About = tuple[str, str] | Place
"""A CommandKey for an outcome, payment id and event type for news, the Place of a command for its dead letter."""


@dataclass(frozen=True)
class Record:
    """One received record."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: bytes | None
    headers: dict[str, str]

    def __str__(self) -> str:
        """For people; long parts are cut."""
        value = (self.value or b"")[:_SHOWN]
        return f"{self.topic}[{self.partition}]@{self.offset} {self.key} {self.headers} {value!r}"

    @cached_property
    def body(self) -> dict[str, Any]:
        """Its JSON. Raises ValueError when it has none."""
        found: dict[str, Any] = json.loads(self.value or b"null")
        return found

    @property
    def event_id(self) -> str | None:
        """The same for each copy of an event; None for a record that is no event."""
        return self.headers.get("ce_id")

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def correlation_id(self) -> str:
        return str(self.body["correlation_id"])

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["payload"]
        return found

    @property
    def payment_id(self) -> str:
        return str(self.payload["payment_id"])

    @property
    def status(self) -> str | None:
        return self.payload.get("status")

    @property
    def error(self) -> str | None:
        return self.payload.get("error")

    @property
    def answers(self) -> CommandKey | None:
        """The command that this answers; None for news."""
        command_type = self.headers.get("command_type")
        return None if command_type is None else (command_type, self.correlation_id)

    @property
    def about(self) -> About | None:
        """The record's subject, by which readers wait for it; None without a subject or for an unreadable record."""
        try:
            if self.topic.endswith(".dead_letter"):
                return int(self.body["partition"]), int(self.body["offset"])
            if self.answers is not None:
                return self.answers
            return self.headers["ce_subject"], self.headers["ce_type"]
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def summary(self) -> str:
        """In short: ``release_payment: payment.failed INVALID_STATE``."""
        words = (self.headers.get("command_type", "news") + ":", self.type, self.error, self.status)
        return " ".join(word for word in words if word is not None)


def record_of(message: Message) -> Record:
    """Raises ValueError for a message that is an error."""
    topic, partition, offset, key = message.topic(), message.partition(), message.offset(), message.key()
    if message.error() is not None or topic is None or partition is None or offset is None:
        raise ValueError(f"no record: {message.error()}")
    pairs = message.headers() or []
    headers = dict(pairs.items() if isinstance(pairs, dict) else pairs)
    return Record(
        topic=topic,
        partition=partition,
        offset=offset,
        key=_text(key),
        value=message.value(),
        headers={name: _text(value) or "" for name, value in headers.items()},
    )


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
