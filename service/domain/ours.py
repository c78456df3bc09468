"""Whether an object at Stripe is ours. Our payment's id is no proof: every program on the account can write it.

One Stripe account may serve several programs, modes and connected accounts. Their events arrive at one endpoint.
"""

from dataclasses import dataclass
from enum import StrEnum

from service.domain.payment import Payment
from service.domain.stripe_objects import Intent, StripeEvent, Transfer, TransferRequest

_OUR_CAPTURE_METHOD = "manual"


class Foreign(StrEnum):
    """Why an object is not ours. The inbox keeps the value as the result of the object's event."""

    UNKNOWN = "foreign"
    """The object names no payment of ours."""
    ACCOUNT = "foreign_account"
    """The event is about a connected account's own object."""
    MODE = "foreign_mode"
    """The object is of Stripe's other mode, test or live."""
    AMOUNT = "foreign_amount"
    """Its amount or currency is not the payment's."""
    METADATA = "foreign_metadata"
    """Its metadata differ from those that this service writes."""
    CAPTURE_METHOD = "foreign_capture_method"
    """This service only makes intents with manual capture."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Decides whether objects are ours. ``live``: the mode of our API key; None if its form does not show it."""

    live: bool | None = None

    def of_event(self, event: StripeEvent) -> Foreign | None:
        """Why a webhook event cannot be about an object of ours; None if it can."""
        if event.account is not None:
            return Foreign.ACCOUNT
        return Foreign.MODE if self._other_mode(event.live) else None

    def of_intent(self, payment: Payment, intent: Intent) -> Foreign | None:
        """Why this service did not make this intent for this payment; None if it did."""
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
    """Whether we made this transfer for this payment, to any account. Other programs may pay from the same charge.

    The amount of a transfer from the charge is not compared: a transfer of ours that was not recognized would be made
    twice.
    """
    if transfer.payment_id != request.payment_id:
        return False
    if transfer.charge_id is None:
        return (transfer.amount, transfer.currency) == (request.amount, request.currency)
    return transfer.charge_id == request.charge_id


def is_of_charge(intent: Intent, transfer: Transfer) -> bool:
    """Whether a transfer of the intent's group sends money of its charge, whoever made it, or is ours from the balance.

    A transfer of ours comes from the balance when an earlier one from the charge was reversed.
    """
    if transfer.charge_id is not None:
        return transfer.charge_id == intent.charge_id
    settled = intent.charge.settlement if intent.charge else None
    same = settled is not None and (transfer.amount, transfer.currency) == (settled.amount, settled.currency)
    return same and intent.payment_id is not None and transfer.payment_id == intent.payment_id
