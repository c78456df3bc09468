"""What a Kafka record was that no command could be made of, and the place that it came from."""

from dataclasses import dataclass
from datetime import datetime

from service.domain.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class InvalidCommand:
    """Type and correlation id could be read, the rest not: answered once with ``payment.failed``, and kept.

    Its content is not held, which may be much larger than its bytes: ``fingerprint`` tells it from another.
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
        """Commands of one key run in order."""
        return self.correlation_id


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """No answer is possible: only a dead letter. ``reason`` is a code, ``detail`` says what was wrong."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Cut:
    """What a key or value was of which only the beginning is kept: all its bytes, and their SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The Kafka record a command came in, for the dead letters: whole, but for what is said to be cut."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    key_cut: Cut | None = None
    value_cut: Cut | None = None
    sent_at: datetime | None = None
    """The record's time (UTC), by its sender's clock or the broker's; None where it has none that is a time."""

    @property
    def traceparent(self) -> str | None:
        """W3C trace context of the sender; none where it is no text, which must not keep its command from running."""
        found = [value for name, value in self.headers if name == "traceparent" and value]
        sent = found[-1].decode("ascii", "replace")[:64] if found else ""
        return sent if sent and sent.isprintable() else None
