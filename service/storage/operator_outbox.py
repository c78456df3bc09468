"""The outbox as operators see it: what is in it, what the relay has published, and appending it anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Label, and_, func, insert, literal_column, or_, select, text, true

from service.domain.commands.command import CommandType
from service.domain.messages import DEAD_LETTER
from service.domain.payment import as_uuid
from service.storage.engine import Connection
from service.storage.models import OutboxRow, Payment
from service.storage.operator_reads import Span
from service.storage.operator_session import Record, records

# What a relay says is settled: everything up to low, and the ranges above it. Its checkpoint follows Kafka by at most
# a batch, so a row just published may still count as waiting. Where positions are handed out again below, a row there
# is not the one that was meant; where the relay doubts, nothing is proven until it has compared.
_SETTLED = """
    SELECT relay, low, updated_at, coalesce(
            (SELECT range_agg(int8range(CAST(r->>0 AS bigint), CAST(r->>1 AS bigint), '[]'))
             FROM jsonb_array_elements(c.ranges) r),
            '{}'
        ) AS above,
        CASE WHEN doubt IS NOT NULL THEN 9223372036854775807 WHEN drawn < low THEN drawn ELSE 0 END AS unproven,
        coalesce(doubt, CASE WHEN drawn < low THEN
            format('positions up to %s are handed out again below %s', drawn, low) END) AS doubt
    FROM relay_checkpoints c, (SELECT coalesce(pg_sequence_last_value(
        CAST(pg_get_serial_sequence('outbox', 'position') AS regclass)), 0) AS drawn) AS sequence
"""

_PUBLISHED: Label[bool] = literal_column(
    f"""EXISTS (SELECT FROM ({_SETTLED}) AS s WHERE outbox.position > s.unproven
        AND (outbox.position <= s.low OR outbox.position <@ s.above))"""
).label("published")

_RELAYS = text(
    f"""
    WITH s AS MATERIALIZED ({_SETTLED})
    SELECT relay, low, updated_at, waits.rows AS waiting, waits.since AS oldest_waiting_at, doubt
    FROM s CROSS JOIN LATERAL (
        SELECT count(*) AS rows, min(created_at) AS since FROM (
            SELECT created_at FROM outbox WHERE position <= s.unproven
            UNION ALL
            SELECT created_at FROM outbox
            WHERE position > greatest(s.low, s.unproven) AND NOT position <@ s.above) AS waiting
    ) AS waits ORDER BY relay
    """
)

_MEND_SEQUENCE = text("SELECT mend_outbox_sequence()")

_COLUMNS = [column for column in OutboxRow.__table__.c if column.name != "xid"]
_COPIED = ("event_id", "topic", "key", "type", "sequence", "value", "headers")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of the outbox; every condition given must hold. ``payment_id`` matches what has it as its key."""

    event_ids: Sequence[UUID] = ()
    payment_id: UUID | None = None
    type: str | None = None
    span: Span = field(default_factory=Span)

    def conditions(self) -> list[ColumnElement[bool]]:
        """The selection as SQL."""
        found = list(self.span.conditions(OutboxRow.created_at))
        if self.event_ids:
            found.append(OutboxRow.event_id.in_(self.event_ids))
        if self.payment_id is not None:
            found.append(OutboxRow.key == str(self.payment_id))
        if self.type is not None:
            found.append(OutboxRow.type == self.type)
        return found


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
    last = func.coalesce(func.max(OutboxRow.position), 0)
    statement = select(last) if since is None else select(last).where(OutboxRow.created_at < since)
    return int(connection.execute(statement).scalar_one())


def stats(connection: Connection) -> Record:
    """Rows, by type too, and how far each relay is."""
    by_type = connection.execute(
        select(OutboxRow.type, func.count(), func.count().filter(OutboxRow.replayed), func.max(OutboxRow.position))
        .group_by(OutboxRow.type)
        .order_by(OutboxRow.type)
    ).all()
    return {
        "rows": sum(rows for _, rows, _, _ in by_type),
        "replayed": sum(replayed for _, _, replayed, _ in by_type),
        "last_position": max((last for _, _, _, last in by_type), default=None),
        "by_type": {type_: rows for type_, rows, _, _ in by_type},
        "relays": relays(connection),
    }


def relays(connection: Connection) -> list[Record]:
    """How far each relay is, and what waits for it."""
    return records(connection, _RELAYS)


def originals(selection: Selection) -> list[ColumnElement[bool]]:
    """The selection without replays: what was replayed once is not doubled by the next replay."""
    return [~OutboxRow.replayed, *selection.conditions()]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a selection holds."""

    rows: int
    keys: int
    first: int | None
    last: int | None
    commands: int
    dead_letters: int

    @property
    def events(self) -> int:
        """All else."""
        return self.rows - self.commands - self.dead_letters


def extent(connection: Connection, selection: Selection) -> Extent:
    """Originals that the selection holds now."""
    figures = (
        func.count(),
        func.count(OutboxRow.key.distinct()),
        func.min(OutboxRow.position),
        func.max(OutboxRow.position),
        func.count().filter(OutboxRow.type.in_(list(CommandType))),
        func.count().filter(OutboxRow.type == DEAD_LETTER),
    )
    return Extent(*connection.execute(select(*figures).where(*originals(selection))).one())


def missing_ids(connection: Connection, event_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the event ids that no row of the outbox has."""
    found = set(connection.execute(select(OutboxRow.event_id).where(OutboxRow.event_id.in_(event_ids))).scalars())
    return [event_id for event_id in event_ids if event_id not in found]


def payment_exists(connection: Connection, payment_id: UUID) -> bool:
    """Whether there is such a payment."""
    return connection.execute(select(Payment.payment_id).where(Payment.payment_id == payment_id)).first() is not None


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


_LOCK = select(Payment.payment_id).order_by(Payment.payment_id).with_for_update()


def append_again(connection: Connection, rows: Sequence[Record]) -> None:
    """Append these rows anew, in order of position, with their event ids, marked as replayed.

    The payments they are about are locked first, in one order: every writer to a payment's events does.
    """
    keys = {as_uuid(row["key"]) for row in rows} - {None}
    connection.execute(_LOCK.where(Payment.payment_id.in_(sorted(keys, key=str))))
    again = (
        select(*(OutboxRow.__table__.c[name] for name in _COPIED), true())
        .where(OutboxRow.position.in_([row["position"] for row in rows]))
        .order_by(OutboxRow.position)
    )
    connection.execute(insert(OutboxRow).from_select([*_COPIED, "replayed"], again, include_defaults=False))
