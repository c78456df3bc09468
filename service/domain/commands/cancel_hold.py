"""Let a hold go that no payment needs: the service's own command."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from service.domain.commands.command import CommandType, Keyed
from service.domain.ledger import Ledger
from service.domain.next_step import Call, Next, Settled, Step
from service.domain.payment import Payment


@dataclass(frozen=True, slots=True)
class CancelHold(Keyed):
    """Our own: a payment told "failed" or reverted must hold and move no money. Its correlation id is the intent's."""

    type: ClassVar = CommandType.CANCEL_HOLD
    correlation_id: str
    payment_id: UUID

    @property
    def intent_id(self) -> str:
        """The PaymentIntent whose hold goes."""
        return self.correlation_id


def next_step(command: CancelHold, payment: Payment, ledger: Ledger) -> Next:
    """What an intent still holds is let go, what it took is given back; told from its movements, for it may be a second
    intent of the payment, of which the payment itself knows nothing."""
    own = command.intent_id == payment.stripe_payment_intent_id
    if ledger.is_over(command.intent_id) or (own and payment.holds_nothing):
        return Settled(payment)
    return Call(Step.REFUND if ledger.money_of(command.intent_id).captured else Step.CANCEL)
