"""Transfers of ours that the record lost, as after a restore."""

from service.domain.payment import Payment
from service.domain.ports import PaymentGateway
from service.domain.stripe_objects import Picture


def lost_transfer(gateway: PaymentGateway, payment: Payment, intent_id: str) -> Picture | None:
    """All that became of the intent, if a transfer of ours is among it that the record does not have; else None.

    Stripe takes no transfer back when it refunds: the transfer has to be known first. A payment without a transfer is
    seldom refunded, so that this is seldom asked. Raises what the gateway raises.
    """
    if payment.stripe_transfer_id is not None:
        return None
    picture = gateway.look_at(intent_id)
    sent = any(transfer.payment_id == str(payment.payment_id) for transfer in picture.transfers)
    return picture if sent else None
