"""Finding payments by any id that somebody quotes: each look goes by an index."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select, union

from service.domain.payment import as_uuid
from service.storage.engine import Connection
from service.storage.models import Command, Movement, OutboxRow, Payment, StripeEvent
from service.storage.operator_reads import STRIPE_IDS
from service.storage.operator_session import Record, records

MOST_HITS = 50

_SHOWN = [
    Payment.__table__.c[name]
    for name in ("payment_id", "order_id", "customer_id", "amount", "currency", "status", "created_at", "updated_at")
]


def payments_with(connection: Connection, words: str) -> list[Record]:
    """Payments that have ``words`` as an id: their own, an order's, a customer's, a runner's, a correlation id, an
    event's, or one of Stripe's. Newest first, at most ``MOST_HITS``."""
    ids = union(*_looks(words), *_of_uuid(connection, as_uuid(words))).subquery()
    found = select(*_SHOWN).where(Payment.payment_id.in_(select(ids.c[0])))
    return records(connection, found.order_by(Payment.created_at.desc()).limit(MOST_HITS))


def _looks(words: str) -> Iterator[Select[Any]]:
    payment = select(Payment.payment_id)
    yield payment.where(Payment.order_id == words)
    # Any of them: the newest of a customer with a million payments could only be found by sorting them all.
    yield select(payment.where(Payment.customer_id == words).limit(MOST_HITS).subquery())
    yield select(payment.where(Payment.runner_id == words).limit(MOST_HITS).subquery())
    yield payment.where(or_(*(column == words for column in STRIPE_IDS)))
    yield select(Movement.payment_id).where(Movement.proof == words)
    yield select(StripeEvent.payment_id).where(StripeEvent.event_id == words, StripeEvent.payment_id.is_not(None))
    yield select(Command.payment_id).where(Command.correlation_id == words, Command.payment_id.is_not(None))


def _of_uuid(connection: Connection, named: UUID | None) -> Iterator[Select[Any]]:
    """The payment with this id, and the payment whose event has it."""
    if named is None:
        return
    keys = connection.scalars(select(OutboxRow.key).where(OutboxRow.event_id == named, ~OutboxRow.replayed))
    ids = [named, *filter(None, map(as_uuid, keys))]
    yield select(Payment.payment_id).where(Payment.payment_id.in_(ids))
