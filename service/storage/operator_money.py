"""What an audit of money reads: recorded movements, the payments behind ids of Stripe's, and what is owed to whom."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import or_, select, text, tuple_

from service.domain.auditing import Owners, Row
from service.domain.ledger import Proof
from service.domain.payment import Payment
from service.storage.engine import Connection
from service.storage.operator_session import Record, records
from service.storage.payments import COLUMNS, payment_of
from service.storage.tables import movements, payments

T = TypeVar("T")
_BATCH = 1000
_ROW = (movements.c.payment_id, movements.c.kind, movements.c.proof, movements.c.amount, movements.c.currency)

_OWED = text(
    """
    SELECT 'customer' AS party, currency, sum(captured - refunded - disputed) AS amount, count(*) AS payments
    FROM payments WHERE status IN ('FAILED', 'REVERTED') AND captured > refunded + disputed GROUP BY currency
    UNION ALL
    SELECT 'runner', transfer_currency, sum(transfer_amount - transferred + reversed), count(*)
    FROM payments WHERE status = 'SUCCEEDED' AND reversed > 0 AND transferred - reversed < transfer_amount
    GROUP BY transfer_currency
    UNION ALL
    SELECT 'platform', transfer_currency, sum(transferred - reversed), count(*)
    FROM payments WHERE status = 'REVERTED' AND transferred > reversed GROUP BY transfer_currency
    UNION ALL
    SELECT 'undecided', currency, sum(held + captured - refunded - disputed), count(*)
    FROM payments WHERE status = 'AUTHORIZED' AND held + captured > 0 GROUP BY currency
    ORDER BY 1, 2
    """
)


def owed(connection: Connection) -> list[Record]:
    """What all payments owe, by party and currency, in minor units; undecided is what a release or revert moves."""
    return records(connection, _OWED)


def rows_learnt(connection: Connection, since: datetime, until: datetime) -> list[Row]:
    """Movements that were learnt, and happened, from ``since`` on and before ``until``."""
    window = (movements.c.learnt_at >= since, movements.c.happened_at >= since, movements.c.happened_at < until)
    return [Row(*row) for row in connection.execute(select(*_ROW).where(*window))]


def rows_of_proofs(connection: Connection, keys: Collection[Proof]) -> list[Row]:
    """Movements by what proves them."""
    wanted = tuple_(movements.c.kind, movements.c.proof)
    return [
        Row(*row)
        for batch in _batches(sorted(keys))
        for row in connection.execute(select(*_ROW).where(wanted.in_(batch)))
    ]


def owners(connection: Connection, stripe_ids: Collection[str], payment_ids: Collection[UUID]) -> Owners:
    """The payments that have stored these ids of Stripe's, and those of these ids of ours."""
    by_stripe: dict[str, Payment] = {}
    for names in _batches(sorted(stripe_ids)):
        columns = (payments.c.stripe_payment_intent_id, payments.c.stripe_charge_id, payments.c.stripe_transfer_id)
        named = select(*COLUMNS).where(or_(*(column.in_(names) for column in columns)))
        for row in connection.execute(named):
            found = payment_of(row)
            for id_ in (found.stripe_payment_intent_id, found.stripe_charge_id, found.stripe_transfer_id):
                if id_ is not None:
                    by_stripe[id_] = found
    by_id = {
        found.payment_id: found
        for ids in _batches(sorted(payment_ids))
        for found in map(payment_of, connection.execute(select(*COLUMNS).where(payments.c.payment_id.in_(ids))))
    }
    return Owners(by_stripe, by_id)


def _batches(items: list[T]) -> Iterable[list[T]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
