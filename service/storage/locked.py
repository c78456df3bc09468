"""Reads a payment under its row lock, together with its open commands."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute

from service.domain.ledger import Ledger
from service.domain.payment import Payment
from service.domain.progress import Progress
from service.storage import models
from service.storage.commands import OPEN_COLUMNS, progress_of
from service.storage.models.command import DONE
from service.storage.payments import COLUMNS, RECORDED, ledger_of, payment_of
from service.storage.prepared import Prepared, run


class Locked(NamedTuple):
    """All that a decision about a payment needs: ``opened`` in order of arrival, ``now`` by the database's clock."""

    payment: Payment
    opened: list[Progress]
    now: datetime
    ledger: Ledger


class _By:
    """Two statements in one round trip: a single one would see the commands as they were before it waited for the
    lock."""

    def __init__(self, column: InstrumentedAttribute[Any], *more: ColumnElement[Any]) -> None:
        wanted = column == bindparam("id", type_=column.type)
        self._lock = Prepared(select(models.Payment.payment_id).where(wanted).with_for_update())
        is_open = and_(models.Command.payment_id == models.Payment.payment_id, models.Command.state != DONE)
        self._read = Prepared(
            # now() is the beginning of the transaction, which may have waited for the lock.
            select(*COLUMNS, func.clock_timestamp(), RECORDED, *OPEN_COLUMNS, *more)
            .select_from(models.Payment)
            .outerjoin(models.Command, is_open)
            .where(wanted)
            .order_by(models.Command.arrival)
        )

    def rows(self, connection: Connection, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Lock and read in one round trip."""
        return run(connection, (self._lock, values), (self._read, values))


_BY_ID = _By(models.Payment.payment_id)
_HEARD = exists().where(models.StripeEvent.event_id == bindparam("event_id", type_=models.StripeEvent.event_id.type))
_BY_INTENT_AND_EVENT = _By(models.Payment.stripe_payment_intent_id, _HEARD)
_BY_ID_AND_EVENT = _By(models.Payment.payment_id, _HEARD)
_WIDTH = len(COLUMNS)


def lock(connection: Connection, payment_id: UUID) -> Locked | None:
    """Lock the payment's row and read it with its open commands, in one round trip; None for an unknown payment."""
    return _locked(_BY_ID.rows(connection, {"id": payment_id}))


class LockedByEvent(NamedTuple):
    """The payment that an event concerns. ``heard``: the inbox has the event already."""

    found: Locked
    heard: bool


def lock_for_event(
    connection: Connection, intent_id: str, payment_id: UUID | None, event_id: str
) -> LockedByEvent | None:
    """The payment that has stored this intent id, else the payment that the intent's metadata name.

    ``heard`` stays true or false until the transaction ends, because another delivery of the event waits for the lock.
    """
    by_intent = _with_event(_BY_INTENT_AND_EVENT.rows(connection, {"id": intent_id, "event_id": event_id}))
    if by_intent is not None or payment_id is None:
        return by_intent
    return _with_event(_BY_ID_AND_EVENT.rows(connection, {"id": payment_id, "event_id": event_id}))


def _with_event(rows: list[tuple[Any, ...]]) -> LockedByEvent | None:
    found = _locked([row[:-1] for row in rows])
    return None if found is None else LockedByEvent(found, rows[0][-1])


def _locked(rows: list[tuple[Any, ...]]) -> Locked | None:
    if not rows:
        return None
    stored = [row[_WIDTH + 2 :] for row in rows]
    opened = [progress_of(row) for row in stored if row[0] is not None]
    return Locked(payment_of(rows[0][:_WIDTH]), opened, rows[0][_WIDTH], ledger_of(rows[0][_WIDTH + 1]))
