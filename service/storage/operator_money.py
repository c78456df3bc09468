"""What is owed to whom: money that is not where the payment's status says that it belongs."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, literal, select

from service.domain.ledger import SUMS
from service.domain.status import PaymentStatus
from service.storage.operator_session import Record, records
from service.storage.reads import LEFT_TO_RUNNER, SENT
from service.storage.tables import movements, payments

_P = payments.c
_ENDED = _P.status.in_([PaymentStatus.FAILED, PaymentStatus.REVERTED])
_LEFT = _P.captured - _P.refunded - _P.disputed


def owed(connection: Connection) -> list[Record]:
    """For each payment that owes anything: to whom, how much in minor units, and in which currency."""
    return [record for query in _queries() for record in records(connection, query)]


def undecided(connection: Connection) -> list[Record]:
    """What is held or captured of payments that wait for a release or a revert, by currency."""
    amount = func.sum(_P.held + _LEFT)
    waiting = select(_P.currency, amount.label("amount"), func.count().label("count"))
    return records(connection, waiting.where(_P.status == PaymentStatus.AUTHORIZED).group_by(_P.currency))


def _queries() -> Iterator[Select[Any]]:
    yield _owed("customer", _P.customer_id, _LEFT, _P.currency).where(_ENDED, _LEFT > 0)
    yield _of_strays()
    missing = SENT - LEFT_TO_RUNNER
    sent = and_(_P.status == PaymentStatus.SUCCEEDED, _P.stripe_transfer_id.is_not(None))
    currency = func.coalesce(_P.transfer_currency, _P.currency)
    yield _owed("runner", _P.runner_id, missing, currency).where(sent, missing > 0)
    kept = _P.transferred - _P.reversed
    # A failed payment's charge may have been paid out by a stranger.
    yield _owed("platform", _P.runner_connect_account_id, kept, currency).where(_ENDED, kept > 0)


def _owed(to: str, whom: Any, amount: Any, currency: Any) -> Select[Any]:
    columns = (literal(to).label("to"), _P.payment_id, whom.label("whom"), amount.label("amount"))
    return select(*columns, currency.label("currency")).order_by(_P.updated_at)


def _of_strays() -> Select[Any]:
    """What a second intent of a payment took, and nobody gave back: it is in no sum of the payment."""
    m = movements.c
    kept = {kind: sums["captured"] for kind, sums in SUMS.items() if "captured" in sums}
    kept |= {kind: -sums["refunded"] for kind, sums in SUMS.items() if "refunded" in sums}
    amount = func.sum(case(*((m.kind == kind, sign * m.amount) for kind, sign in kept.items()), else_=0))
    columns = (literal("customer").label("to"), m.payment_id, _P.customer_id.label("whom"), amount.label("amount"))
    strays = select(*columns, m.currency).join(payments, m.payment_id == _P.payment_id)
    return strays.where(m.stray).group_by(m.payment_id, _P.customer_id, m.currency).having(amount > 0)
