"""The effect of new movements on a payment's status, and their news events.

A payment whose money went back ends, whoever sent it back. A refund that failed allows a new revert. A dispute that the
bank decides against the platform counts as a refund by the bank.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from service.domain import events
from service.domain.events import DISPUTED, REFUNDED, Answer
from service.domain.intent_state import Observed
from service.domain.ledger import Movement, MovementKind, Proof
from service.domain.messages import rfc3339
from service.domain.payment import ANSWERED_LIVE, Payment, PaymentStatus
from service.domain.stripe_objects import Picture, Transfer


def settle(
    payment: Payment, fresh: tuple[Movement, ...], picture: Picture, *, known: frozenset[Proof], revert_open: bool
) -> Observed:
    """The payment after its new movements, and their news events. ``known``: the keys of earlier movements.

    While a revert is open, only the revert changes the status, because it has to answer.
    """
    noted = _adopted(_noted(payment, picture), picture)
    after = noted if revert_open else _ended(_released(noted), picture)
    seen = _Seen(after, picture, frozenset(movement.key for movement in fresh), known)
    news = [_NEWS[movement.kind](seen, movement) for movement in fresh if movement.kind in _NEWS]
    answered = tuple(answer for answer in news if answer is not None)
    return Observed(after, answered, cancel_hold=after.status is PaymentStatus.FAILED and _keeps_money(after))


def _keeps_money(payment: Payment) -> bool:
    return payment.held > 0 or payment.money.left > 0


def _noted(payment: Payment, picture: Picture) -> Payment:
    """The payment with its effective refund and the reversal of its whole transfer, whoever made them."""
    refunds = {refund.id: refund for refund in picture.refunds}
    mine = refunds.get(payment.stripe_refund_id or "")
    # If another refund failed, this one alone does not give everything back.
    if mine is not None and (mine.failed or (picture.whole and payment.money.left > 0)):
        payment = replace(payment, stripe_refund_id=None, refund_status=None)
    elif mine is not None:
        payment = replace(payment, refund_status=mine.status)
    elif payment.stripe_refund_id is None and 0 < payment.captured <= payment.refunded:
        last = next((refund for refund in picture.refunds if not (refund.failed or refund.of_hold)), None)
        if last is not None:
            payment = replace(payment, stripe_refund_id=last.id, refund_status=last.status)
    sent = _transfer(picture, payment.stripe_transfer_id)
    if sent is not None and sent.reversal_id is not None and payment.stripe_reversal_id is None:
        payment = replace(payment, stripe_reversal_id=sent.reversal_id)
    return payment


def _transfer(picture: Picture, id_: str | None) -> Transfer | None:
    return next((transfer for transfer in picture.transfers if transfer.id == id_), None)


def _adopted(payment: Payment, picture: Picture) -> Payment:
    """The payment with a transfer of ours that its record lost, for example in a restore.

    So the transfer is not made again, and can be reversed. One that was not reversed is preferred.
    """
    effective = payment.stripe_transfer_id is not None and payment.stripe_reversal_id is None
    mine = [transfer for transfer in picture.transfers if transfer.payment_id == str(payment.payment_id)]
    if effective or payment.captured_at is None or not mine:
        return payment
    sent = min(mine, key=lambda transfer: transfer.reversal_id is not None)
    if payment.stripe_transfer_id is not None and sent.reversal_id is not None:
        return payment
    return replace(
        payment,
        stripe_transfer_id=sent.id,
        transfer_amount=sent.amount,
        transfer_currency=sent.currency,
        stripe_reversal_id=sent.reversal_id,
        runner_connect_account_id=sent.destination,
    )


def _released(payment: Payment) -> Payment:
    """An authorized payment with our transfer is released, even if the record of the release is lost."""
    if payment.status is PaymentStatus.AUTHORIZED and payment.stripe_transfer_id is not None:
        return payment.become(PaymentStatus.SUCCEEDED)
    return payment


def _ended(payment: Payment, picture: Picture) -> Payment:
    """A payment whose money went back to the customer, or to a bank for good, ends."""
    if payment.status not in ANSWERED_LIVE:
        return payment
    if payment.disputed and not payment.contested:
        return payment.become(PaymentStatus.REVERTED, failure=DISPUTED.as_json())
    if not payment.money.is_all_back:
        return payment
    effective = [refund for refund in picture.refunds if not (refund.of_hold or refund.failed)]
    by_us = all(refund.payment_id == str(payment.payment_id) for refund in effective)
    return payment.become(PaymentStatus.REVERTED, failure=None if by_us else REFUNDED.as_json())


@dataclass(frozen=True, slots=True)
class _Seen:
    """The material of news: the payment afterwards, the picture, and the keys of new and of earlier movements."""

    payment: Payment
    picture: Picture
    fresh: frozenset[Proof]
    known: frozenset[Proof]


def _refunded(seen: _Seen, movement: Movement) -> Answer | None:
    # A refund that failed before we learned of it was never announced.
    if movement.by_us or (MovementKind.REFUND_FAILED, movement.proof) in seen.fresh:
        return None
    more = {"refund_id": movement.proof, "reason": movement.detail, "refunded": seen.payment.refunded}
    about = seen.payment.authorize_correlation_id
    return events.news(seen.payment, "payment.refunded", movement, about, **more)


def _refund_failed(seen: _Seen, movement: Movement) -> Answer | None:
    if (MovementKind.REFUND, movement.proof) not in seen.known:
        return None
    about = (seen.payment.revert_correlation_id if movement.by_us else None) or seen.payment.authorize_correlation_id
    more = {"refund_id": movement.proof, "reason": movement.detail}
    return events.news(seen.payment, "payment.refund_failed", movement, about, **more)


def _disputed(seen: _Seen, movement: Movement) -> Answer | None:
    opened = (MovementKind.DISPUTE_OPENED, movement.proof)
    if movement.kind is MovementKind.DISPUTE_WITHDRAWN and opened in seen.fresh:
        return None
    dispute = next(dispute for dispute in seen.picture.disputes if dispute.id == movement.proof)
    due = dispute.evidence_due_by
    more = {
        "dispute_id": dispute.id,
        "reason": dispute.reason,
        "dispute_status": dispute.status,
        "evidence_due_by": None if due is None else rfc3339(due),
    }
    return events.news(seen.payment, "payment.disputed", movement, seen.payment.authorize_correlation_id, **more)


def _dispute_closed(seen: _Seen, movement: Movement) -> Answer | None:
    more = {"dispute_id": movement.proof, "dispute_status": movement.detail}
    return events.news(seen.payment, "payment.dispute_closed", movement, seen.payment.authorize_correlation_id, **more)


def _transfer_reversed(seen: _Seen, movement: Movement) -> Answer | None:
    payment = seen.payment
    sent = _transfer(seen.picture, payment.stripe_transfer_id)
    if movement.by_us or sent is None or movement.proof not in {reversal.id for reversal in sent.reversals}:
        return None
    about = payment.release_correlation_id or payment.authorize_correlation_id
    back = sum(reversal.amount for reversal in sent.reversals)
    return events.news(payment, "payment.transfer_reversed", movement, about, transfer_id=sent.id, reversed=back)


_NEWS: dict[MovementKind, Callable[[_Seen, Movement], Answer | None]] = {
    MovementKind.REFUND: _refunded,
    MovementKind.REFUND_FAILED: _refund_failed,
    MovementKind.DISPUTE_OPENED: _disputed,
    MovementKind.DISPUTE_WITHDRAWN: _disputed,
    MovementKind.DISPUTE_CLOSED: _dispute_closed,
    MovementKind.REVERSAL: _transfer_reversed,
}
