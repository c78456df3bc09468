"""What operators may change: when a command is tried next, a failed command, a dead letter's state, old outbox rows."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, select, text, update

from service.domain.commands.command import CommandKey
from service.domain.progress import CommandState, Rest
from service.storage.engine import Connection
from service.storage.models import Command, DeadLetter
from service.storage.operator_session import Record, whole_records
from service.storage.prepared import Prepared, run

_PRUNABLE = text("""
    SELECT CASE WHEN bool_or(doubt IS NOT NULL) THEN 0 ELSE coalesce(min(low), 0) END FROM relay_checkpoints
""")
"""While a relay doubts its position, nothing may be deleted."""

_PRUNE = Prepared(
    text("""
        WITH seen AS (
            SELECT position, created_at FROM outbox
            WHERE position > :after AND position < :below ORDER BY position LIMIT :limit
        ), gone AS (
            DELETE FROM outbox USING seen
            WHERE outbox.position = seen.position AND seen.created_at < :before RETURNING 1
        )
        SELECT (SELECT count(*) FROM gone) AS deleted, (SELECT max(position) FROM seen) AS last
    """)
)

_PRUNE_SETTINGS = text("SET LOCAL synchronous_commit = off; SET LOCAL plan_cache_mode = force_generic_plan")
"""What a crash brings back is deleted next time, and no commit of a payment waits for the disk behind this one's.

Planned once: for a plan PostgreSQL looks for the lowest position, through all entries of rows that are gone (measured:
3 to 15 ms, longer than deleting a hundred rows).
"""

_OLD = text("SELECT count(*) FROM outbox WHERE position < :below AND created_at < :before")


class Schedule(StrEnum):
    """When a command runs next. Only one that waits can be hastened."""

    ANSWERED = "is answered, and stays so"
    UNDER_WAY = "is under way"
    DUE = "is due already"
    WAITING = "waits for its next attempt"


_SCHEDULE = case(
    (Command.state == CommandState.DONE, Schedule.ANSWERED),
    (Command.lease_expires_at >= func.now(), Schedule.UNDER_WAY),
    (Command.next_attempt_at <= func.clock_timestamp(), Schedule.DUE),
    else_=Schedule.WAITING,
)


def lock_schedule(connection: Connection, key: CommandKey) -> tuple[Schedule, UUID | None] | None:
    """When a command runs, and its payment; its row locked. None for an unknown command."""
    found = connection.execute(select(_SCHEDULE, Command.payment_id).where(_called(key)).with_for_update()).first()
    return None if found is None else (Schedule(found[0]), found[1])


def hasten(connection: Connection, key: CommandKey) -> None:
    """Let a command be taken up now. The caller holds its row lock, and knows that it waits."""
    connection.execute(update(Command).where(_called(key)).values(next_attempt_at=func.now()))


def lock_command(connection: Connection, key: CommandKey) -> Record | None:
    """A command, whole, its row locked. The caller holds the row lock of its payment."""
    found = whole_records(connection, select(Command).where(_called(key)).with_for_update())
    return found[0] if found else None


def _called(key: CommandKey) -> ColumnElement[bool]:
    return and_(Command.correlation_id == key.correlation_id, Command.command_type == key.command_type)


def reopen(connection: Connection, key: CommandKey, payment_id: UUID) -> None:
    """Let an answered command run once more, from its beginning. The database refuses it for all but failed ones."""
    again = {
        "payment_id": payment_id,
        "state": CommandState.PENDING,
        "recovery_point": Rest.ACCEPTED,
        "outcome": None,
        "completed_at": None,
        "step_started_at": None,
        "last_error": None,
        "attempts": 0,
        "next_attempt_at": func.now(),
        "reopened": Command.reopened + 1,
        "reopened_at": func.now(),
        "updated_at": func.now(),
    }
    connection.execute(update(Command).where(_called(key)).values(**again))


def lock_open_dead_letter(connection: Connection, id_: int) -> Record | None:
    """A dead letter that nobody has seen to, whole, its row locked."""
    open_one = select(DeadLetter).where(DeadLetter.id == id_, DeadLetter.state == "open")
    found = whole_records(connection, open_one.with_for_update())
    return found[0] if found else None


def resolve_dead_letter(connection: Connection, id_: int, state: str) -> None:
    """Somebody has seen to it: ``retried`` or ``discarded``."""
    statement = update(DeadLetter).where(DeadLetter.id == id_)
    connection.execute(statement.values(state=state, resolved_at=func.now()))


def prunable_below(connection: Connection) -> int:
    """Rows below this position are published for every relay; the row at it tells the relay its database again."""
    return int(connection.execute(_PRUNABLE).scalar_one())


def count_old(connection: Connection, below: int, before: datetime) -> int:
    """Rows that pruning would delete."""
    return int(connection.execute(_OLD, {"below": below, "before": before}).scalar_one())


def prune(connection: Connection, *, after: int, below: int, before: datetime, limit: int) -> tuple[int, int | None]:
    """Delete the old ones among the next ``limit`` rows above ``after``: how many, and the last position seen."""
    connection.execute(_PRUNE_SETTINGS)
    ((deleted, last),) = run(connection, (_PRUNE, {"after": after, "below": below, "before": before, "limit": limit}))
    return deleted, last
