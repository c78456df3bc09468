"""The movements that an object of Stripe's proves.

Each function reads one object and nothing else, so that the same rows follow from every report of it.
"""

from collections.abc import Iterator
from dataclasses import replace

from service.domain.ledger import Movement, MovementKind
from service.domain.payment import Payment
from service.domain.stripe_objects import Dispute, Intent, IntentStatus, Picture, Refund, Reversal, Transfer

_HELD = frozenset({IntentStatus.REQUIRES_CAPTURE, IntentStatus.SUCCEEDED, IntentStatus.CANCELED})


def shows_no_charge(intent: Intent) -> bool:
    """Whether an intent with held or captured money does not name its charge, as in older versions of the API."""
    return intent.charge_id is None and intent.status in {IntentStatus.REQUIRES_CAPTURE, IntentStatus.SUCCEEDED}


def of_intent(intent: Intent) -> Iterator[Movement]:
    """The hold, the capture and the end of the hold, all of them proved by the charge that held the money.

    A canceled intent whose last attempt failed held nothing; one that was held and then canceled shows its charge. A
    capture ends the hold of the rest (Stripe API reference, "Capture a PaymentIntent", ``amount_to_capture``).
    """
    charge = intent.charge_id
    if charge is None or intent.status not in _HELD or _never_held(intent):
        return
    held_at = intent.charge.created_at if intent.charge else None
    hold = Movement(MovementKind.HOLD, charge, intent.amount, intent.currency, held_at, intent_id=intent.id)
    yield hold
    if intent.status is IntentStatus.REQUIRES_CAPTURE:
        return
    if intent.received:
        settled = intent.charge.settlement if intent.charge else None
        taken_at = settled.created_at if settled else None
        yield replace(hold, kind=MovementKind.CAPTURE, amount=intent.received, at=taken_at)
    if intent.received < intent.amount:
        yield replace(hold, kind=MovementKind.HOLD_GONE, amount=intent.amount - intent.received, at=None)


def _never_held(intent: Intent) -> bool:
    return intent.status is IntentStatus.CANCELED and intent.error is not None


def of_refund(payment: Payment | None, refund: Refund) -> Iterator[Movement]:
    """The refund, and its failure. A refund that only shows the end of a hold proves neither."""
    if refund.of_hold:
        return
    by_us = _by_us(payment, refund.payment_id) or (payment is not None and refund.id == payment.stripe_refund_id)
    moved = Movement(
        MovementKind.REFUND,
        refund.id,
        refund.amount,
        refund.currency,
        refund.created_at,
        by_us,
        intent_id=refund.intent_id,
    )
    yield moved if refund.failed else replace(moved, detail=refund.reason)
    if refund.failed:
        yield replace(moved, kind=MovementKind.REFUND_FAILED, at=None, detail=refund.reason)


def _by_us(payment: Payment | None, named: str | None) -> bool:
    return payment is not None and str(payment.payment_id) == named


def of_dispute(dispute: Dispute) -> Iterator[Movement]:
    """The opening of a dispute, the bank's withdrawal, its reinstatement, and the closing. None of them is ours."""
    opened = Movement(
        MovementKind.DISPUTE_OPENED,
        dispute.id,
        dispute.amount,
        dispute.currency,
        dispute.created_at,
        by_us=False,
        detail=dispute.reason,
        intent_id=dispute.intent_id,
    )
    yield opened
    if dispute.withdrawn:
        yield replace(opened, kind=MovementKind.DISPUTE_WITHDRAWN)
    if dispute.reinstated:
        yield replace(opened, kind=MovementKind.DISPUTE_REINSTATED, at=None)
    if dispute.closed:
        yield replace(opened, kind=MovementKind.DISPUTE_CLOSED, at=None, detail=dispute.status)


def of_transfer(payment: Payment | None, transfer: Transfer) -> Iterator[Movement]:
    """The transfer and its reversals, oldest first, whoever made them."""
    by_us = _by_us(payment, transfer.payment_id) or (payment is not None and transfer.id == payment.stripe_transfer_id)
    sent_at = transfer.created_at
    yield Movement(MovementKind.TRANSFER, transfer.id, transfer.amount, transfer.currency, sent_at, by_us)
    for reversal in reversed(transfer.reversals):
        yield of_reversal(payment, reversal)


def of_reversal(payment: Payment | None, reversal: Reversal) -> Movement:
    """The reversal of a transfer, or of a part of it."""
    by_us = _by_us(payment, reversal.payment_id) or (payment is not None and reversal.id == payment.stripe_reversal_id)
    return Movement(MovementKind.REVERSAL, reversal.id, reversal.amount, reversal.currency, reversal.created_at, by_us)


def of_picture(payment: Payment, picture: Picture) -> list[Movement]:
    """All movements of a payment's own intent, in an order in which no sum ever falls below zero."""
    found = list(of_intent(picture.intent))
    for refund in reversed(picture.refunds):
        found += of_refund(payment, refund)
    for dispute in reversed(picture.disputes):
        found += of_dispute(dispute)
    for transfer in reversed(picture.transfers):
        found += of_transfer(payment, transfer)
    return found
