"""Figures of the whole database for metrics: what waits, since when, and whose money is where.

Four groups, by their cost. No statement takes a lock that anyone waits for, or reads a row that it need not read.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sqlalchemy import bindparam, text

from service.domain.commands.command import CommandType
from service.domain.payment import PaymentStatus
from service.domain.progress import CommandState
from service.storage import audits as kept_audits
from service.storage.engine import Connection
from service.storage.money_owed import owed_in_all

Figures = Mapping[str, Mapping[tuple[str, ...], float]]
"""Name of a figure → values of its labels → value."""

COUNTED_ROWS = 10_000
"""Rows of the outbox that are counted one by one. Of more, the positions are counted, gaps included."""

_OPEN = text(
    """
    SELECT command_type, state, count(*), greatest(extract(epoch FROM clock_timestamp() - min(received_at)), 0)
    FROM commands WHERE state <> 'done' GROUP BY command_type, state
    """
)

# What the checkpoint written last does not settle. A relay that doubts it compares, which its own metrics show.
_OUTBOX = text(
    """
    WITH relay AS (
        SELECT low, coalesce(
            (SELECT range_agg(int8range(CAST(r->>0 AS bigint), CAST(r->>1 AS bigint), '[]'))
             FROM jsonb_array_elements(ranges) r), '{}') AS above
        FROM relay_checkpoints ORDER BY updated_at DESC LIMIT 1
    ), holes AS (
        SELECT lower(hole) AS begins, coalesce(upper(hole), 9223372036854775807) AS ends
        FROM unnest(int8multirange(int8range(coalesce((SELECT low FROM relay), 0), NULL, '()'))
            - coalesce((SELECT above FROM relay), '{}')) AS hole
    ), waiting AS (
        SELECT created_at FROM holes CROSS JOIN LATERAL (
            SELECT created_at FROM outbox WHERE position >= begins AND position < ends ORDER BY position LIMIT :most
        ) AS rows LIMIT :most
    )
    SELECT CASE WHEN count(*) < :most THEN count(*) ELSE (
            SELECT sum(greatest(least(ends - 1, highest) - begins + 1, 0))
            FROM holes, (SELECT max(position) AS highest FROM outbox) AS last) END,
        greatest(coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0), 0)
    FROM waiting
    """
).bindparams(bindparam("most", COUNTED_ROWS))

_DEAD_LETTERS = text("SELECT reason, count(*) FROM dead_letters WHERE state = 'open' GROUP BY reason")

_AGES = ("<1d", "1-5d", "5-6d", ">6d")
_HOLDS = text(
    """
    SELECT count(*) FILTER (WHERE age < '1 day'),
        count(*) FILTER (WHERE age >= '1 day' AND age < '5 days'),
        count(*) FILTER (WHERE age >= '5 days' AND age < '6 days'),
        count(*) FILTER (WHERE age >= '6 days')
    FROM (SELECT now() - created_at AS age FROM payments WHERE status = 'AUTHORIZED' AND captured_at IS NULL) AS holds
    """
)

_STATUSES = text("SELECT status, count(*) FROM payments GROUP BY status")


def work(connection: Connection) -> Figures:
    """Open commands, the outbox's waiting rows, open dead letters. Raises the database's error."""
    found = {(row[0], row[1]): (row[2], float(row[3])) for row in connection.execute(_OPEN)}
    every = [(str(kind), str(state)) for kind in CommandType for state in CommandState if state != CommandState.DONE]
    to_cancel = [found.get((CommandType.CANCEL_HOLD, state), (0, 0.0)) for state in CommandState]
    rows, seconds = connection.execute(_OUTBOX).one()
    letters = connection.execute(_DEAD_LETTERS)
    return {
        "commands_open": {key: found.get(key, (0, 0.0))[0] for key in every},
        "commands_oldest_open_seconds": {key: found.get(key, (0, 0.0))[1] for key in every},
        "holds_to_cancel": {(): sum(number for number, _ in to_cancel)},
        "holds_to_cancel_oldest_seconds": {(): max(age for _, age in to_cancel)},
        "outbox_waiting_rows": {(): float(rows)},
        "outbox_oldest_waiting_seconds": {(): float(seconds)},
        "dead_letters_open": {(reason,): number for reason, number in letters},
    }


def money(connection: Connection) -> Figures:
    """Holds by age, and money that is owed, in minor units. Raises the database's error."""
    holds = connection.execute(_HOLDS).one()
    return {
        "holds": {(age,): number for age, number in zip(_AGES, holds, strict=True)},
        "money_owed": dict(owed_in_all(connection).items()),
    }


def payments(connection: Connection) -> Figures:
    """Payments by status. Counts every payment. Raises the database's error."""
    found = {str(status): number for status, number in connection.execute(_STATUSES)}
    return {"payments": {(str(status),): found.get(status, 0) for status in PaymentStatus}}


def audits(connection: Connection) -> Figures:
    """The last run of each audit. Raises the database's error."""
    found = kept_audits.last(connection)
    return {
        "audit_differences": {(kind,): last.differences for kind, last in found.items()},
        "audit_age_seconds": {(kind,): last.age for kind, last in found.items()},
    }


class Group(NamedTuple):
    """Figures that are read together, at most once in ``every`` seconds and shown for at most ``kept`` seconds."""

    name: str
    every: float
    kept: float
    read: Callable[[Connection], Figures]


GROUPS = (
    Group("work", 10.0, 60.0, work),
    Group("money", 60.0, 300.0, money),
    Group("audits", 60.0, 300.0, audits),
    Group("payments", 300.0, 1200.0, payments),
)
