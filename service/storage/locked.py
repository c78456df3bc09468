"""A payment under its row lock, with the commands of it that are open."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, bindparam, func, select, text

from service.domain.ledger import Ledger
from service.domain.payment import Payment
from service.domain.progress import Progress
from service.storage.commands import OPEN_COLUMNS, progress_of
from service.storage.ledger import RECORDED, ledger_of
from service.storage.payments import COLUMNS, payment_of
from service.storage.prepared import Prepared, run
from service.storage.tables import commands, payments


class Locked(NamedTuple):
    """What a decision about a payment is made from; ``opened`` in order of arrival, ``now`` by the database's clock."""

    payment: Payment
    opened: list[Progress]
    now: datetime
    ledger: Ledger


_ID = bindparam("id", type_=payments.c.payment_id.type)
_LOCK = Prepared(select(payments.c.payment_id).where(payments.c.payment_id == _ID).with_for_update())
# A statement of its own: one that waited for the lock would see the commands as they were before its wait.
_READ = Prepared(
    # Not now(), the transaction's beginning: the lock may have been waited for.
    select(*COLUMNS, func.clock_timestamp(), RECORDED, *OPEN_COLUMNS)
    .select_from(payments)
    .outerjoin(commands, and_(commands.c.payment_id == payments.c.payment_id, commands.c.state != text("'done'")))
    .where(payments.c.payment_id == _ID)
    .order_by(commands.c.arrival)
)


def lock(connection: Connection, payment_id: UUID) -> Locked | None:
    """Lock the payment's row and read it with its open commands, in one round trip; None when there is none."""
    wanted = {"id": payment_id}
    rows = run(connection, (_LOCK, wanted), (_READ, wanted))
    if not rows:
        return None
    width = len(COLUMNS)
    stored = [row[width + 2 :] for row in rows]
    opened = [progress_of(row) for row in stored if row[0] is not None]
    return Locked(payment_of(rows[0][:width]), opened, rows[0][width], ledger_of(rows[0][width + 1]))
