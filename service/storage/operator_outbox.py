"""The outbox as operators see it: what is in it, what the relay has published, and appending it anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Label, Text, and_, cast, func, literal_column, or_, select, text

from service.domain.commands.command import CommandType
from service.domain.messages import DEAD_LETTER, RESENT
from service.storage.engine import Connection
from service.storage.models import OutboxRow, Payment
from service.storage.operator_reads import Span
from service.storage.operator_relays import SETTLED
from service.storage.operator_session import Record, records

_PUBLISHED: Label[bool] = literal_column(
    f"""EXISTS (SELECT FROM ({SETTLED}) AS s WHERE outbox.position > s.unproven
        AND (outbox.position <= s.low OR outbox.position <@ s.above))"""
).label("published")

_MEND_SEQUENCE = text("SELECT mend_outbox_sequence()")

_COMMANDS = [*CommandType, RESENT]
"""The types of the rows that the consumer reads and acts on."""

_COLUMNS = [column for column in OutboxRow.__table__.c if column.name != "xid"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of the outbox; every condition given must hold. A payment's rows have its id as their key.

    ``order_id``: those of every payment of the order.
    """

    event_ids: Sequence[UUID] = ()
    payment_id: UUID | None = None
    type: str | None = None
    span: Span = field(default_factory=Span)
    order_id: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The selection as SQL."""
        found = list(self.span.conditions(OutboxRow.created_at))
        if self.event_ids:
            found.append(OutboxRow.event_id.in_(self.event_ids))
        if self.payment_id is not None:
            found.append(OutboxRow.key == str(self.payment_id))
        if self.order_id is not None:
            found.append(OutboxRow.key.in_(select(cast(Payment.payment_id, Text)).where(_of_order(self.order_id))))
        if self.type is not None:
            found.append(OutboxRow.type == self.type)
        return found


def _of_order(order_id: str) -> ColumnElement[bool]:
    return Payment.order_id == order_id


def list_rows(connection: Connection, selection: Selection, limit: int) -> list[Record]:
    """Rows with ``published``, replays too, newest first."""
    statement = select(*_COLUMNS, _PUBLISHED).where(*selection.conditions()).order_by(OutboxRow.position.desc())
    return records(connection, statement.limit(limit))


def rows_of(connection: Connection, payment_id: UUID) -> list[Record]:
    """Everything that has the payment as its key, in order."""
    key = OutboxRow.key == str(payment_id)
    # Each part goes by an index of its own; together they are all rows of the key.
    mine = or_(and_(key, ~OutboxRow.replayed), and_(key, OutboxRow.replayed))
    return records(connection, select(*_COLUMNS, _PUBLISHED).where(mine).order_by(OutboxRow.position))


def rows_called(connection: Connection, event_id: UUID) -> list[Record]:
    """The event's first row, then its replays."""
    mine = OutboxRow.event_id == event_id
    return records(connection, select(*_COLUMNS, _PUBLISHED).where(mine).order_by(OutboxRow.position))


def row_at(connection: Connection, position: int) -> Record | None:
    """The row at a position."""
    found = records(connection, select(*_COLUMNS, _PUBLISHED).where(OutboxRow.position == position))
    return found[0] if found else None


def rows_at(connection: Connection, positions: Sequence[int]) -> list[Record]:
    """The rows at these positions that are still there."""
    there = select(OutboxRow.position, OutboxRow.key).where(OutboxRow.position.in_(positions))
    return records(connection, there.order_by(OutboxRow.position))


def position_before(connection: Connection, since: datetime | None) -> int:
    """The position after which the rows written from ``since`` on begin; None: after all that there are now."""
    last = int(connection.execute(select(func.coalesce(func.max(OutboxRow.position), 0))).scalar_one())
    if since is None:
        return last
    # Not the last one before: rows that came back after a restore are as old as their records.
    first = connection.execute(select(func.min(OutboxRow.position)).where(OutboxRow.created_at >= since)).scalar_one()
    return last if first is None else int(first) - 1


def originals(selection: Selection) -> list[ColumnElement[bool]]:
    """The selection without replays: what was replayed once is not doubled by the next replay."""
    return [~OutboxRow.replayed, *selection.conditions()]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a selection holds. ``oldest``: when its first row was written; ``now`` by the database's clock.

    ``commands``: resent records of dead letters among them.
    """

    rows: int
    keys: int
    first: int | None
    last: int | None
    commands: int
    dead_letters: int
    oldest: datetime | None
    now: datetime

    @property
    def events(self) -> int:
        """All else."""
        return self.rows - self.commands - self.dead_letters


def extent(connection: Connection, selection: Selection, *, last: int | None = None) -> Extent:
    """Originals that the selection holds now, up to the position ``last``."""
    figures = (
        func.count(),
        func.count(OutboxRow.key.distinct()),
        func.min(OutboxRow.position),
        func.max(OutboxRow.position),
        func.count().filter(OutboxRow.type.in_(_COMMANDS)),
        func.count().filter(OutboxRow.type == DEAD_LETTER),
        func.min(OutboxRow.created_at),
        func.now(),
    )
    upto = [] if last is None else [OutboxRow.position <= last]
    return Extent(*connection.execute(select(*figures).where(*originals(selection), *upto)).one())


def missing_ids(connection: Connection, event_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the event ids that no row of the outbox has."""
    found = set(connection.execute(select(OutboxRow.event_id).where(OutboxRow.event_id.in_(event_ids))).scalars())
    return [event_id for event_id in event_ids if event_id not in found]


def payment_exists(connection: Connection, payment_id: UUID) -> bool:
    """Whether there is such a payment."""
    return connection.execute(select(Payment.payment_id).where(Payment.payment_id == payment_id)).first() is not None


def order_exists(connection: Connection, order_id: str) -> bool:
    """Whether the order has a payment."""
    return connection.execute(select(Payment.payment_id).where(_of_order(order_id)).limit(1)).first() is not None


def next_originals(connection: Connection, selection: Selection, *, after: int, last: int, limit: int) -> list[Record]:
    """Position and key of the next originals above ``after``, up to ``last``."""
    statement = (
        select(OutboxRow.position, OutboxRow.key)
        .where(*originals(selection), OutboxRow.position > after, OutboxRow.position <= last)
        .order_by(OutboxRow.position)
        .limit(limit)
    )
    return records(connection, statement)


def mend_sequence(connection: Connection) -> None:
    """See to it that what is appended next gets positions above all that was published.

    If it was otherwise, the relay hears of it by its checkpoint: commit this before anything is appended.
    """
    connection.execute(_MEND_SEQUENCE)
