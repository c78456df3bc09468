"""What an event about money tells, in a form that can be kept and compared: mostly movements, by their keys.

Where all that it tells is known already, nobody has to ask Stripe: most events are echoes of what this service did.
"""

from collections.abc import Iterable

from service.domain.ledger import MovementKind, Proof
from service.domain.payment import Payment
from service.domain.stripe_objects import Refund

_REFUNDED = "sum_refunded"
_REFUND_STATUS = "refund_status"


def sum_refunded(amount: int) -> Proof:
    """A charge tells how much of it was refunded, and not by which refunds."""
    return (_REFUNDED, str(amount))


def refund_status(refund: Refund) -> Proof:
    """How far a refund has come."""
    return (_REFUND_STATUS, f"{refund.id} {refund.status}")


def are_known(payment: Payment, known: frozenset[Proof], told: Iterable[Proof]) -> bool:
    """Whether the payment's record shows everything that was told; what tells nothing is not known."""
    found = [_is_known(payment, known, tell) for tell in told]
    return bool(found) and all(found)


def _is_known(payment: Payment, known: frozenset[Proof], tell: Proof) -> bool:
    kind, what = tell
    if kind == _REFUNDED:
        return str(payment.refunded) == what
    if kind == _REFUND_STATUS:
        id_, _, status = what.partition(" ")
        return id_ != payment.stripe_refund_id or status == payment.refund_status
    if kind == MovementKind.REFUND and payment.captured == 0:
        # Stripe shows a hold that is set free as a refund, too ("Cancel a PaymentIntent").
        return any(one == MovementKind.HOLD_GONE for one, _ in known)
    return tell in known
