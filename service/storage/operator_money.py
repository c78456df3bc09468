"""Money that is not where the payment's status says that it belongs, and its creditors."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Executable, Select, and_, case, func, literal, select

from service.domain.ledger import SUMS
from service.domain.payment import PaymentStatus
from service.storage.models import Movement, Payment
from service.storage.operator_session import Record, records
from service.storage.reads import LEFT_TO_RUNNER, SENT

_ENDED = Payment.status.in_([PaymentStatus.FAILED, PaymentStatus.REVERTED])
_LEFT = Payment.captured - Payment.refunded - Payment.disputed


def owed(connection: Connection) -> list[Record]:
    """One record for each debt of a payment: the creditor, the amount in minor units and the currency."""
    return [record for query in _queries() for record in records(connection, query)]


def owed_of_strays(connection: Connection) -> list[Record]:
    """The part of ``owed`` that second intents took."""
    return records(connection, _of_strays())


def undecided(connection: Connection) -> list[Record]:
    """The sums held or captured for payments that wait for a release or a revert, by currency."""
    amount = func.sum(Payment.held + _LEFT)
    waiting = select(Payment.currency, amount.label("amount"), func.count().label("count"))
    return records(connection, waiting.where(Payment.status == PaymentStatus.AUTHORIZED).group_by(Payment.currency))


def _queries() -> Iterator[Executable]:
    yield _owed("customer", Payment.customer_id, _LEFT, Payment.currency).where(_ENDED, _LEFT > 0)
    yield _of_strays()
    missing = SENT - LEFT_TO_RUNNER
    sent = and_(Payment.status == PaymentStatus.SUCCEEDED, Payment.stripe_transfer_id.is_not(None))
    currency = func.coalesce(Payment.transfer_currency, Payment.currency)
    yield _owed("runner", Payment.runner_id, missing, currency).where(sent, missing > 0)
    kept = Payment.transferred - Payment.reversed
    # An outsider may have transferred the charge of a failed payment.
    yield _owed("platform", Payment.runner_connect_account_id, kept, currency).where(_ENDED, kept > 0)


def _owed(to: str, whom: Any, amount: Any, currency: Any) -> Select[Any]:
    columns = (literal(to).label("to"), Payment.payment_id, whom.label("whom"), amount.label("amount"))
    return select(*columns, currency.label("currency")).order_by(Payment.updated_at)


def _of_strays() -> Executable:
    """Money that a second intent of a payment took and nobody refunded. The payment's own sums exclude it."""
    kept = {kind: sums["captured"] for kind, sums in SUMS.items() if "captured" in sums}
    kept |= {kind: -sums["refunded"] for kind, sums in SUMS.items() if "refunded" in sums}
    amount = func.sum(case(*((Movement.kind == kind, sign * Movement.amount) for kind, sign in kept.items()), else_=0))
    columns = (
        literal("customer").label("to"),
        Movement.payment_id,
        Payment.customer_id.label("whom"),
        amount.label("amount"),
    )
    strays = select(*columns, Movement.currency).join(Payment, Movement.payment_id == Payment.payment_id)
    return (
        strays.where(Movement.stray)
        .group_by(Movement.payment_id, Payment.customer_id, Movement.currency)
        .having(amount > 0)
    )
