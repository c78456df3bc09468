"""The reads of an audit: the owner of a Stripe object, a payment with its ledger, the movements of a time window."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.orm import InstrumentedAttribute

from service.domain.auditing import Record
from service.domain.books import Stored, Window
from service.domain.ledger import Movement, MovementKind, Proof
from service.domain.progress import Progress
from service.storage import models
from service.storage.commands import OPEN_COLUMNS, progress_of
from service.storage.models.command import DONE
from service.storage.operator_session import session_in
from service.storage.payments import COLUMNS, payment_of

_AT_ONCE = 1000
"""Values in one statement."""

_BY_ID = (models.Payment.stripe_payment_intent_id, models.Payment.stripe_charge_id, models.Payment.stripe_transfer_id)

_CLOCKS = timedelta(hours=1)
"""The largest difference between two clocks: Stripe's gives the time of a movement, ours the time of its record."""


def stored(connection: Connection, ids: Sequence[str], named: Sequence[UUID]) -> Stored:
    """The payments that own these Stripe ids, and those of the ``named`` payments that exist.

    An id in a payment's own row comes before the same id in a ledger.
    """
    found: dict[str, UUID] = {}
    for some in _parts(ids):
        found |= _pairs(connection, models.Movement.proof, models.Movement.payment_id, some)
        for column in _BY_ID:
            found |= _pairs(connection, column, models.Payment.payment_id, some)
    there: set[UUID] = set()
    for some in _parts(named):
        there |= set(connection.scalars(select(models.Payment.payment_id).where(models.Payment.payment_id.in_(some))))
    return Stored(found, frozenset(there))


def _pairs(
    connection: Connection, column: InstrumentedAttribute[Any], owner: InstrumentedAttribute[UUID], ids: Sequence[str]
) -> dict[str, UUID]:
    return {row[0]: row[1] for row in connection.execute(select(column, owner).where(column.in_(ids)))}


def moved_in(connection: Connection, window: Window) -> set[UUID]:
    """Payments with a movement in the window."""
    # Rows are in the order of ``learnt_at``, so its BRIN index finds the first block of the window.
    late = models.Movement.learnt_at >= window.since - _CLOCKS
    inside = (models.Movement.happened_at >= window.since, models.Movement.happened_at < window.until)
    return set(connection.scalars(select(models.Movement.payment_id).distinct().where(late, *inside)))


def records(connection: Connection, payment_ids: Collection[UUID]) -> dict[UUID, Record]:
    """These payments with their ledgers and open commands. The caller's transaction gives them one snapshot."""
    of = models.Payment.payment_id.in_(payment_ids)
    rows = _by_payment(_movements(connection, models.Movement.payment_id.in_(payment_ids)))
    opened = _by_payment(_opened(connection, payment_ids))
    found = connection.execute(select(*COLUMNS, func.now()).where(of))
    made = ((payment_of(row[:-1]), row[-1]) for row in found)
    return {
        payment.payment_id: Record(payment, tuple(rows[payment.payment_id]), tuple(opened[payment.payment_id]), now)
        for payment, now in made
    }


def holders(connection: Connection, proofs: Iterable[Proof]) -> dict[Proof, UUID]:
    """The payment whose ledger has the movement, for each of these movements."""
    wanted = set(proofs)
    found = list(_movements(connection, models.Movement.proof.in_({proof for _, proof in wanted})))
    return {movement.key: payment_id for payment_id, movement in found if movement.key in wanted}


def _movements(connection: Connection, condition: ColumnElement[bool]) -> Iterator[tuple[UUID, Movement]]:
    with session_in(connection) as session:
        for row in session.scalars(select(models.Movement).where(condition).order_by(models.Movement.learnt_at)):
            yield row.payment_id, _movement(row)


def _movement(row: models.Movement) -> Movement:
    return Movement(
        MovementKind(row.kind),
        row.proof,
        row.amount,
        row.currency,
        row.happened_at,
        row.by_us,
        row.stray,
        row.detail,
        row.intent_id,
    )


def _opened(connection: Connection, payment_ids: Collection[UUID]) -> Iterator[tuple[UUID, Progress]]:
    still = models.Command.payment_id.in_(payment_ids), models.Command.state != DONE
    for row in connection.execute(select(*OPEN_COLUMNS).where(*still).order_by(models.Command.arrival)):
        progress = progress_of(row)
        yield progress.payment_id, progress


def _by_payment(found: Iterable[tuple[UUID, Any]]) -> defaultdict[UUID, list[Any]]:
    grouped: defaultdict[UUID, list[Any]] = defaultdict(list)
    for payment_id, item in found:
        grouped[payment_id].append(item)
    return grouped


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
