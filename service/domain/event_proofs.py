"""The proofs in an event about money, in a form that can be stored and compared: mostly keys of movements.

If the payment's record has all of them, no look at Stripe is needed. Most events only report a step of this service.
"""

from collections.abc import Iterable

from service.domain.ledger import MovementKind, Proof
from service.domain.payment import Payment
from service.domain.stripe_objects import Refund

_REFUNDED = "sum_refunded"
_REFUND_STATUS = "refund_status"


def sum_refunded(amount: int) -> Proof:
    """The refunded sum of a charge: a charge does not name its refunds."""
    return (_REFUNDED, str(amount))


def refund_status(refund: Refund) -> Proof:
    """A refund's status."""
    return (_REFUND_STATUS, f"{refund.id} {refund.status}")


def are_known(payment: Payment, known: frozenset[Proof], proofs: Iterable[Proof]) -> bool:
    """Whether the payment's record has all proofs of an event. An event without proofs counts as unknown."""
    found = [_is_known(payment, known, proof) for proof in proofs]
    return bool(found) and all(found)


def _is_known(payment: Payment, known: frozenset[Proof], proof: Proof) -> bool:
    kind, what = proof
    if kind == _REFUNDED:
        return str(payment.refunded) == what
    if kind == _REFUND_STATUS:
        id_, _, status = what.partition(" ")
        return id_ != payment.stripe_refund_id or status == payment.refund_status
    if kind == MovementKind.REFUND and payment.captured == 0:
        # Stripe also shows the end of a hold as a refund ("Cancel a PaymentIntent").
        return any(one == MovementKind.HOLD_GONE for one, _ in known)
    return proof in known
