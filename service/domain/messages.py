"""Outgoing messages: one envelope with CloudEvents 1.0 headers, serialized once."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from service.domain.commands.catalog import content_of
from service.domain.commands.command import CommandKey
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.events import Answer

SOURCE = "payment-service"
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:payment-service:events")


DEAD_LETTER = "dead_letter"
"""The type of a message with a record that cannot be processed."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A row of the outbox. ``sequence`` counts one payment's events from 1; None for a message without a payment."""

    event_id: UUID
    topic: str
    key: str
    type: str
    value: str
    headers: list[tuple[str, str]]
    sequence: int | None = None
    written_at: datetime | None = None
    """When a lost row was published (UTC), for a row that comes back; None for a new row, which is written now."""

    @property
    def trace_id(self) -> str | None:
        """The id of the message's trace, in hex."""
        return next((trace_id(value) for name, value in self.headers if name == "traceparent"), None)


@lru_cache(maxsize=1024)
def outcome_id(key: CommandKey, reopened: int = 0) -> UUID:
    """The id of a command's one outcome event: equal for every writer, so a second one cannot be stored.

    Each time that an operator reopens a command allows one more outcome: ``reopened`` counts these times. The last ids
    are kept, because a command without a trace is named by its id in several places.
    """
    again = f"\0{reopened}" if reopened else ""
    return uuid5(_NAMESPACE, f"outcome\0{key.command_type}\0{key.correlation_id}{again}")


def news_id(payment_id: UUID, news: str) -> UUID:
    """The id of a news event: one for each news of a payment."""
    return uuid5(_NAMESPACE, f"news\0{payment_id}\0{news}")


def rfc3339(moment: datetime) -> str:
    """The time in RFC 3339's form: UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_trace(text: str) -> bool:
    """Whether the text is a valid trace (W3C Trace Context, "traceparent Header")."""
    return _TRACEPARENT.fullmatch(text) is not None


def trace_id(traceparent: str) -> str:
    """The trace's id in hex, of a valid ``traceparent``."""
    return traceparent[3:35]


def trace_of(key: CommandKey, given: str | None) -> str:
    """The command's trace: the given one, or the one that begins with its outcome event."""
    return _trace(given, outcome_id(key))


def _trace(given: str | None, event_id: UUID) -> str:
    """The given trace, or a new one that is found by the event id.

    No part of the new one is all zeros: each holds bits of the id that name the UUID's version or variant.
    """
    if given is not None and is_trace(given):
        return given
    return f"00-{event_id.hex}-{event_id.hex[16:]}-01"


def event_message(
    answer: Answer,
    *,
    event_id: UUID,
    topic: str,
    now: datetime,
    payment_id: UUID | None,
    sequence: int | None,
    traceparent: str | None,
) -> OutgoingMessage:
    """An event for the outbox. Without a payment, its key is the correlation id, and it has no sequence."""
    headers = _cloud_event(event_id, answer.type, now, None if payment_id is None else str(payment_id))
    headers += [("correlation_id", answer.correlation_id), ("traceparent", _trace(traceparent, event_id))]
    if sequence is not None:
        headers.append(("sequence", str(sequence)))
    if answer.command_type is not None:
        headers.append(("command_type", answer.command_type))
    return OutgoingMessage(
        event_id=event_id,
        topic=topic,
        key=answer.correlation_id if payment_id is None else str(payment_id),
        type=answer.type,
        value=_envelope(answer.type, answer.correlation_id, now, answer.payload),
        headers=headers,
        sequence=sequence,
    )


def command_message(
    command: Release | Revert, *, event_id: UUID, topic: str, now: datetime, traceparent: str | None
) -> OutgoingMessage:
    """A command from an HTTP caller, for the consumer to carry out."""
    headers = _cloud_event(event_id, command.type, now, str(command.payment_id))
    headers += [("correlation_id", command.correlation_id), ("traceparent", _trace(traceparent, event_id))]
    return OutgoingMessage(
        event_id=event_id,
        topic=topic,
        key=str(command.payment_id),
        type=command.type,
        value=_envelope(command.type, command.correlation_id, now, content_of(command)),
        headers=headers,
    )


def _cloud_event(event_id: UUID, kind: str, now: datetime, subject: str | None) -> list[tuple[str, str]]:
    headers = [
        ("ce_id", str(event_id)),
        ("ce_type", kind),
        ("ce_source", SOURCE),
        ("ce_specversion", "1.0"),
        ("ce_time", rfc3339(now)),
        ("content-type", "application/json"),
    ]
    return headers if subject is None else [*headers, ("ce_subject", subject)]


def _envelope(kind: str, correlation_id: str, now: datetime, payload: dict[str, Any]) -> str:
    body = {
        "type": kind,
        "correlation_id": correlation_id,
        "timestamp": rfc3339(now),
        "source": SOURCE,
        "payload": {**payload, "correlation_id": correlation_id},
    }
    return json.dumps(body, separators=(",", ":"))
