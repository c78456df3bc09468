"""The remains of a Kafka record without a valid command, and the record's origin."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from service.domain.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class InvalidCommand:
    """A record with a type and a correlation id, but no valid command: answered once with ``payment.failed``, and kept.

    ``fingerprint`` identifies the content. The content itself is dropped, because it may take much more memory than the
    record's bytes.
    """

    correlation_id: str
    command_type: str
    error: ErrorCode
    message: str
    fingerprint: bytes
    order_id: str | None = None
    payment_id: str | None = None

    @property
    def ordering_key(self) -> str:
        """The correlation id: records with the same ordering key are processed one after the other."""
        return self.correlation_id


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """A record that cannot be answered: only a dead letter is possible. ``reason`` is a code, ``detail`` the fault."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Cut:
    """The original of a key or value of which only the beginning is kept: its size in bytes, and its SHA-256 in hex."""

    size: int
    sha256: str


class Arrival(NamedTuple):
    """What a command's row keeps of the record that it came with; None throughout for a command of the service's own.

    ``traceparent``: the trace that the command goes on with. ``sent_at``: see ``Origin``; it is not kept.
    """

    traceparent: str | None = None
    origin_topic: str | None = None
    origin_partition: int | None = None
    origin_offset: int | None = None
    sent_at: datetime | None = None

    @property
    def columns(self) -> dict[str, str | int | None]:
        """The values of the row's columns, by name."""
        kept = self._asdict()
        del kept["sent_at"]
        return kept


@dataclass(frozen=True, slots=True)
class Origin:
    """The Kafka record of a command, for the dead letters: whole, unless ``key_cut`` or ``value_cut`` is set."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    key_cut: Cut | None = None
    value_cut: Cut | None = None
    sent_at: datetime | None = None
    """The record's time (UTC), by its sender's clock or the broker's; None if it has no valid time."""

    def arrival(self, traceparent: str | None) -> Arrival:
        """What the command's row keeps of this record."""
        return Arrival(traceparent, self.topic, self.partition, self.offset, self.sent_at)

    @property
    def traceparent(self) -> str | None:
        """The sender's W3C trace context; None if it is no text, because a bad trace must not stop the command."""
        found = [value for name, value in self.headers if name == "traceparent" and value]
        sent = found[-1].decode("ascii", "replace")[:64] if found else ""
        return sent if sent and sent.isprintable() else None
