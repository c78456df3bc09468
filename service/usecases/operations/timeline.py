"""A payment's timeline: every record of it, in order of time."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from service.domain.next_step import Mode
from service.domain.progress import CommandState
from service.domain.stripe_requests import in_words, requests_in
from service.storage import operator_actions, operator_outbox, operator_reads
from service.storage.engine import Connection
from service.storage.operator_session import Record


class Source(IntEnum):
    """The kind of record that an entry comes from. Entries of one transaction are sorted in this order."""

    OPERATOR = 0
    COMMAND = 1
    CALL = 2
    STRIPE = 3
    MONEY = 4
    PAYMENT = 5
    EVENT = 6
    ANSWER = 7


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Fields that only some kinds of records have are None in all others.

    ``topic``, ``partition``, ``offset``: the Kafka record that a command came with, or that an outbox row became, if
    it was looked up; then ``in_kafka`` says whether it was found.
    ``requests``: the requests of a call to Stripe, or of the look of an operator's act, each with its id.
    ``at``: the time of the record (UTC). ``happened_at``: the earlier time of a movement at Stripe (UTC). ``amount``:
    in minor units of ``currency``.
    """

    at: datetime
    source: Source
    what: str
    detail: str | None = None
    correlation_id: str | None = None
    event_id: str | None = None
    position: int | None = None
    sequence: int | None = None
    published: bool | None = None
    replayed: bool | None = None
    amount: int | None = None
    currency: str | None = None
    by_us: bool | None = None
    cause: str | None = None
    happened_at: datetime | None = None
    requests: list[dict[str, str | None]] | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    in_kafka: str | None = None
    replay_id: str | None = None

    def as_record(self) -> Record:
        """The entry as JSON output and tables show it."""
        return {name: getattr(self, name) for name in _FIELDS} | {"source": self.source.name.lower()}


_FIELDS = (
    "at",
    "source",
    "what",
    "detail",
    "correlation_id",
    "event_id",
    "position",
    "sequence",
    "published",
    "replayed",
    "amount",
    "currency",
    "by_us",
    "cause",
    "happened_at",
    "requests",
    "topic",
    "partition",
    "offset",
    "in_kafka",
    "replay_id",
)


def timeline(connection: Connection, payment: Record) -> list[Entry]:
    """All records of the payment: operators' acts, commands, calls to Stripe, movements, webhooks, changes of status,
    and events, published or not."""
    payment_id = payment["payment_id"]
    entries = [_made(payment)]
    entries += [_of_act(act) for act in operator_actions.actions_of(connection, payment_id)]
    for command in operator_reads.commands_of(connection, payment_id):
        entries += _of_command(command)
    entries += [_of_movement(movement) for movement in operator_reads.movements_of(connection, payment_id)]
    entries += [_of_stripe_event(event) for event in operator_reads.stripe_events_of(connection, payment_id)]
    entries += [_of_transition(change) for change in operator_reads.transitions_of(connection, payment_id)]
    entries += [_of_outbox_row(row) for row in operator_outbox.rows_of(connection, payment_id)]
    return sorted(entries, key=lambda entry: (entry.at, entry.source))


def _made(payment: Record) -> Entry:
    amount = f"{payment['amount']} {payment['currency']} in minor units, order {payment['order_id']}"
    return Entry(payment["created_at"], Source.PAYMENT, "INITIATING", amount)


def _of_act(act: Record) -> Entry:
    requests = requests_in(act["detail"])
    why = f"by {act['operator']} through {act['channel']}: {act['reason']}"
    return Entry(
        act["at"],
        Source.OPERATOR,
        act["action"],
        "; ".join(filter(None, [why, in_words(requests)])),
        act["correlation_id"],
        requests=[request._asdict() for request in requests] or None,
    )


def _of_command(command: Record) -> list[Entry]:
    accepted = Entry(
        command["received_at"],
        Source.COMMAND,
        f"{command['command_type']} accepted",
        correlation_id=command["correlation_id"],
        topic=command["origin_topic"],
        partition=command["origin_partition"],
        offset=command["origin_offset"],
    )
    calls = [_of_call(note, command["correlation_id"]) for note in command["stripe_requests"] or ()]
    if command["state"] == CommandState.DONE:
        outcome: dict[str, Any] = command["outcome"] or {}
        what = f"{command['command_type']} answered"
        return [accepted, *calls, _follow_up(command, command["completed_at"], what, outcome.get("type"))]
    what = f"{command['command_type']} {command['state']}"
    return [accepted, *calls, _follow_up(command, command["updated_at"], what, _standing(command))]


def _of_call(note: Record, correlation_id: str) -> Entry:
    step, _, mode = note["call"].partition(":")
    requests = requests_in(note)
    return Entry(
        datetime.fromisoformat(note["at"]).astimezone(UTC),
        Source.CALL,
        step if mode == Mode.ACT else f"{step}: {mode.replace('_', ' ')}",
        in_words(requests),
        correlation_id,
        requests=[request._asdict() for request in requests],
    )


def _follow_up(command: Record, at: datetime, what: str, detail: str | None) -> Entry:
    return Entry(at, Source.ANSWER, what, detail, command["correlation_id"])


def _standing(command: Record) -> str:
    fault = f", last fault: {command['last_error']}" if command["last_error"] else ""
    return f"at {command['recovery_point']}, attempts {command['attempts']}{fault}"


def _of_movement(movement: Record) -> Entry:
    who = "by this service" if movement["by_us"] else "by others"
    parts = [f"{movement['amount']} {movement['currency']}", movement["proof"], who, movement["detail"]]
    happened = f"at Stripe {movement['happened_at']:%Y-%m-%d %H:%M:%S}"
    detail = ", ".join([*filter(None, parts), happened, f"learnt from {movement['cause']}"])
    fields = {name: movement[name] for name in ("amount", "currency", "by_us", "cause", "happened_at")}
    return Entry(movement["learnt_at"], Source.MONEY, movement["kind"], detail, **fields)


def _of_stripe_event(event: Record) -> Entry:
    return Entry(event["received_at"], Source.STRIPE, event["type"], event["result"], event_id=event["event_id"])


def _of_transition(change: Record) -> Entry:
    return Entry(
        change["at"], Source.PAYMENT, change["to_status"], f"from {change['from_status']}, by {change['cause']}"
    )


def _of_outbox_row(row: Record) -> Entry:
    return Entry(
        row["created_at"],
        Source.EVENT,
        row["type"],
        f"to {row['topic']}",
        topic=row["topic"],
        correlation_id=dict(row["headers"]).get("correlation_id"),
        event_id=str(row["event_id"]),
        position=row["position"],
        sequence=row["sequence"],
        published=row["published"],
        replayed=row["replayed"],
        replay_id=dict(row["headers"]).get("replay_id"),
    )
