"""Whether an object at Stripe is ours. Naming our payment's id is no proof: anybody on the account can write it.

One Stripe account may serve several programs, modes and connected accounts, and their events arrive at one endpoint.
"""

from dataclasses import dataclass
from enum import StrEnum

from service.domain.payment import Payment
from service.domain.stripe_objects import Intent, StripeEvent, Transfer, TransferRequest

_OUR_CAPTURE_METHOD = "manual"


class Foreign(StrEnum):
    """Why an object is not ours; the inbox keeps it as the result of the event that told of the object."""

    UNKNOWN = "foreign"
    """It names no payment of ours."""
    ACCOUNT = "foreign_account"
    """The event is about a connected account's own object."""
    MODE = "foreign_mode"
    """It is of Stripe's other mode, test or live."""
    AMOUNT = "foreign_amount"
    """Its amount or currency is not the payment's."""
    METADATA = "foreign_metadata"
    """Its metadata are not what we would have written."""
    CAPTURE_METHOD = "foreign_capture_method"
    """We only make intents that are captured later."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """What is ours. ``live``: the mode of our API key, None where its form does not tell."""

    live: bool | None = None

    def of_event(self, event: StripeEvent) -> Foreign | None:
        """Why a webhook event cannot be about an object of ours; None when it can."""
        if event.account is not None:
            return Foreign.ACCOUNT
        return Foreign.MODE if self._other_mode(event.live) else None

    def of_intent(self, payment: Payment, intent: Intent) -> Foreign | None:
        """Why this intent is not one that we made for this payment; None when it is."""
        if self._other_mode(intent.live):
            return Foreign.MODE
        if (intent.amount, intent.currency) != (payment.amount, payment.currency):
            return Foreign.AMOUNT
        if intent.id == payment.stripe_payment_intent_id:
            return None
        if intent.payment_id != str(payment.payment_id) or intent.order_id not in {None, payment.order_id}:
            return Foreign.METADATA
        return None if intent.capture_method == _OUR_CAPTURE_METHOD else Foreign.CAPTURE_METHOD

    def _other_mode(self, live: bool | None) -> bool:
        return None not in (live, self.live) and live is not self.live


def is_our_transfer(request: TransferRequest, transfer: Transfer) -> bool:
    """Whether we made this transfer for this payment, to whatever account; strangers pay from the same charge, too.

    The amount of one from the charge is not asked for: a transfer of ours that was not recognized would be made twice.
    """
    if transfer.payment_id != request.payment_id:
        return False
    if transfer.charge_id is None:
        return (transfer.amount, transfer.currency) == (request.amount, request.currency)
    return transfer.charge_id == request.charge_id


def is_of_charge(intent: Intent, transfer: Transfer) -> bool:
    """Whether a transfer of the intent's group sends money of its charge, whoever made it, or is ours in its place."""
    if transfer.charge_id is not None:
        return transfer.charge_id == intent.charge_id
    settled = intent.charge.settlement if intent.charge else None
    same = settled is not None and (transfer.amount, transfer.currency) == (settled.amount, settled.currency)
    return same and intent.payment_id is not None and transfer.payment_id == intent.payment_id
