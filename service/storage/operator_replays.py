"""Appends rows of the outbox again, and tells how far a replay is."""

import json
from collections.abc import Sequence
from uuid import UUID, uuid4

from sqlalchemy import select, text

from service.domain.payment import as_uuid
from service.storage.engine import Connection
from service.storage.models import OperatorAction, Payment
from service.storage.operator_session import Record, whole_records

REPLAY = "outbox.replay"
"""The action of an operator who replays."""

_LOCK = select(Payment.payment_id).order_by(Payment.payment_id).with_for_update()

_APPEND_AGAIN = text("""
    INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers, replayed)
    SELECT event_id, topic, key, type, sequence, value,
        CASE WHEN replayed THEN headers ELSE CAST(CAST(headers AS jsonb) || CAST(:header AS jsonb) AS json) END, true
    FROM outbox WHERE position = ANY (:positions) ORDER BY position
""")

_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:replay_id, 0))")
_OF_REPLAY = "again.position > :after AND again.replayed AND strpos(CAST(again.headers AS text), :header) > 0"
_COUNT = text(f"SELECT count(*) FROM outbox AS again WHERE {_OF_REPLAY}")
_REACHED = text(f"""
    SELECT original.position
    FROM outbox AS again JOIN outbox AS original ON original.event_id = again.event_id AND NOT original.replayed
    WHERE {_OF_REPLAY} ORDER BY again.position DESC LIMIT 1
""")


def append_again(connection: Connection, rows: Sequence[Record], replay_id: UUID | None = None) -> None:
    """Append these rows anew, in order of position, with their event ids, marked as replayed.

    Their header ``replay_id`` tells their records from those of other replays; None begins a replay of their own. A row
    that is a replay itself keeps its header. The payments that the rows are about are locked first, in one order: every
    writer to a payment's events does so.
    """
    keys = {as_uuid(row["key"]) for row in rows} - {None}
    connection.execute(_LOCK.where(Payment.payment_id.in_(sorted(keys, key=str))))
    header = json.dumps([_header(replay_id or uuid4())])
    connection.execute(_APPEND_AGAIN, {"header": header, "positions": [row["position"] for row in rows]})


def _header(replay_id: UUID) -> list[str]:
    return ["replay_id", str(replay_id)]


def replay_called(connection: Connection, replay_id: UUID) -> Record | None:
    """The act that began a replay."""
    named = OperatorAction.detail["replay_id"].astext == str(replay_id)
    found = whole_records(connection, select(OperatorAction).where(OperatorAction.action == REPLAY, named))
    return found[0] if found else None


def work_alone(connection: Connection, replay_id: UUID) -> None:
    """Let no other session append to this replay until the transaction ends."""
    connection.execute(_ALONE, {"replay_id": str(replay_id)})


def reached(connection: Connection, replay_id: UUID, after: int) -> int | None:
    """The original's position of the replay's last row; None before its first. All of its rows are above ``after``."""
    found: int | None = connection.execute(_REACHED, _of(replay_id, after)).scalar()
    return found


def count_appended(connection: Connection, replay_id: UUID, after: int) -> int:
    """How many rows the replay has appended. All of them are above the position ``after``."""
    return int(connection.execute(_COUNT, _of(replay_id, after)).scalar_one())


def _of(replay_id: UUID, after: int) -> dict[str, object]:
    # As PostgreSQL writes JSONB: its text is the same for every row.
    return {"after": after, "header": json.dumps(_header(replay_id))}
