"""What operators look at: payments, commands, webhooks and dead letters, as records (column name → value)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Text, and_, func, literal, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute

from service.domain.ledger import MovementKind
from service.domain.payment import as_uuid
from service.storage.engine import Connection
from service.storage.models import Command, DeadLetter, Movement, Payment, StripeEvent
from service.storage.operator_session import Record, records, whole_records

_COMMAND = [column for column in Command.__table__.c if column.name not in {"fingerprint", "lease_token", "arrival"}]
_DEAD_LETTER = [
    DeadLetter.__table__.c[name]
    for name in ("id", "reason", "topic", "partition", "offset", "received_at", "key", "value", "detail", "state")
]

_LETTER_IN_BRIEF = [column for column in _DEAD_LETTER if column.name not in {"key", "value"}]

_ARRIVAL = Command.arrival

STRIPE_IDS = (
    Payment.stripe_payment_intent_id,
    Payment.stripe_charge_id,
    Payment.stripe_transfer_id,
    Payment.stripe_reversal_id,
    Payment.stripe_refund_id,
)
"""Ids of Stripe's objects that a payment has; each has an index."""

# A transition's own time is a little after the start of its transaction, where every other row has its time from. An
# outbox row of the same transaction tells that start; xmin is the low half of xid (PostgreSQL documentation, "System
# Columns"), and a restore from a dump loses it: then the transition keeps its own time.
_TRANSITIONS = text(
    """
    SELECT t.from_status, t.to_status, t.cause, coalesce(min(o.created_at), t.at) AS at
    FROM payment_transitions t
    LEFT JOIN outbox o ON o.key = CAST(t.payment_id AS text) AND NOT o.replayed
        AND CAST(CAST(o.xid AS text) AS bigint) % 4294967296 = CAST(CAST(t.xmin AS text) AS bigint)
    WHERE t.payment_id = :payment_id
    GROUP BY t.id ORDER BY t.id
    """
)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``since`` on, up to but without ``until``; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def conditions(self, column: InstrumentedAttribute[datetime]) -> list[ColumnElement[bool]]:
        """The span as SQL."""
        found = [] if self.since is None else [column >= self.since]
        return found if self.until is None else [*found, column < self.until]


def payments_called(connection: Connection, name: str) -> list[Record]:
    """The payment with this id; else all with this order's, Stripe's or a command's id, newest first."""
    payment_id = as_uuid(name)
    if payment_id is not None:
        found = whole_records(connection, select(Payment).where(Payment.payment_id == payment_id))
        if found:
            return found
    named = or_(Payment.order_id == name, *(column == name for column in STRIPE_IDS))
    found = whole_records(connection, select(Payment).where(named).order_by(Payment.created_at.desc()))
    return found or whole_records(connection, _commanded(name))


def _commanded(correlation_id: str) -> Select[Payment]:
    of = select(Command.payment_id).where(Command.correlation_id == correlation_id, Command.payment_id.is_not(None))
    return select(Payment).where(Payment.payment_id.in_(of)).order_by(Payment.created_at.desc())


def transitions_of(connection: Connection, payment_id: UUID) -> list[Record]:
    """The payment's changes of status, in order."""
    return records(connection, _TRANSITIONS, payment_id=payment_id)


def movements_of(connection: Connection, payment_id: UUID) -> list[Record]:
    """The payment's ledger, as it was learnt; what one transaction learnt in an order in which it can have happened."""
    of_payment = select(Movement).where(Movement.payment_id == payment_id)
    order = func.array_position(literal([*MovementKind], ARRAY(Text)), Movement.kind)
    return whole_records(connection, of_payment.order_by(Movement.learnt_at, order))


def stripe_events_of(connection: Connection, payment_id: UUID) -> list[Record]:
    """Webhook events taken for the payment."""
    return whole_records(connection, select(StripeEvent).where(StripeEvent.payment_id == payment_id))


def commands_of(connection: Connection, payment_id: UUID) -> list[Record]:
    """Every command of the payment, the service's own too, in order of arrival."""
    return records(connection, select(*_COMMAND).where(Command.payment_id == payment_id).order_by(_ARRIVAL))


def commands_called(connection: Connection, correlation_id: str) -> list[Record]:
    """The commands under one correlation id, in order of arrival."""
    mine = Command.correlation_id == correlation_id
    return records(connection, select(*_COMMAND).where(mine).order_by(_ARRIVAL))


def list_commands(
    connection: Connection,
    *,
    state: str | None,
    command_type: str | None,
    payment_id: UUID | None,
    span: Span,
    limit: int | None,
) -> list[Record]:
    """Commands, newest first."""
    wanted = {"state": state, "command_type": command_type, "payment_id": payment_id}
    conditions = [Command.__table__.c[name] == value for name, value in wanted.items() if value is not None]
    statement = select(*_COMMAND).where(*conditions, *span.conditions(Command.received_at))
    return records(connection, statement.order_by(_ARRIVAL.desc()).limit(limit))


def list_dead_letters(
    connection: Connection, *, states: Sequence[str], reason: str | None, span: Span, limit: int | None
) -> list[Record]:
    """Dead letters in these states, newest first."""
    statement = select(*_DEAD_LETTER).where(DeadLetter.state.in_(states), *span.conditions(DeadLetter.received_at))
    if reason is not None:
        statement = statement.where(DeadLetter.reason == reason)
    return records(connection, statement.order_by(DeadLetter.id.desc()).limit(limit))


def dead_letter(connection: Connection, id_: int) -> Record | None:
    """One dead letter."""
    found = records(connection, select(*_DEAD_LETTER).where(DeadLetter.id == id_))
    return found[0] if found else None


def letters_in_brief(
    connection: Connection, *, ids: Sequence[int] = (), reason: str | None = None, span: Span | None = None
) -> list[Record]:
    """Dead letters without key and value, of which all together may be large; oldest first.

    Those with the ids; without ids, the open ones with the reason and of the span.
    """
    statement = select(*_LETTER_IN_BRIEF).order_by(DeadLetter.id)
    if ids:
        return records(connection, statement.where(DeadLetter.id.in_(ids)))
    wanted = [DeadLetter.state == "open", *(span or Span()).conditions(DeadLetter.received_at)]
    return records(connection, statement.where(*wanted, *([] if reason is None else [DeadLetter.reason == reason])))


def letter_values(connection: Connection, ids: Sequence[int]) -> dict[int, bytes | None]:
    """The values of dead letters, by id."""
    found = records(connection, select(DeadLetter.id, DeadLetter.value).where(DeadLetter.id.in_(ids)))
    return {letter["id"]: letter["value"] for letter in found}


def letters_near(connection: Connection, id_: int, number: int, longest: int) -> list[Record]:
    """Id and value of other dead letters that are not discarded, about ``number``, those with the next ids.

    Only values of at most ``longest`` bytes.
    """
    near = DeadLetter.id.between(id_ - number // 2, id_ + number // 2), DeadLetter.id != id_
    usable = DeadLetter.state != "discarded", func.octet_length(DeadLetter.value) <= longest
    return records(connection, select(DeadLetter.id, DeadLetter.value).where(*near, *usable).order_by(DeadLetter.id))


def is_discarded(connection: Connection, partition: int, offset: int) -> bool:
    """Whether an operator discarded the dead letter from this place."""
    here = and_(DeadLetter.partition == partition, DeadLetter.offset == offset, DeadLetter.state == "discarded")
    return connection.execute(select(DeadLetter.id).where(here).limit(1)).first() is not None
