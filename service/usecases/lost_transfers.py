"""Transfers of this service that its database lost, for example in a restore."""

from service.domain.payment import Payment
from service.domain.ports import PaymentGateway
from service.domain.stripe_objects import Picture


def lost_transfer(gateway: PaymentGateway, payment: Payment, intent_id: str) -> Picture | None:
    """The picture of the intent, if it shows a transfer of ours and the payment knows of none; else None.

    Stripe reverses no transfer when it refunds, so the payment has to learn of the transfer first. The look is rare:
    most refunds are of payments with a transfer. Raises what the gateway raises.
    """
    if payment.stripe_transfer_id is not None:
        return None
    picture = gateway.look_at(intent_id)
    sent = any(transfer.payment_id == str(payment.payment_id) for transfer in picture.transfers)
    return picture if sent else None
