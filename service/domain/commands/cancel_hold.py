"""Cancel a hold that no payment needs: the service's own command."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from service.domain.commands.command import CommandType, Keyed
from service.domain.ledger import Ledger
from service.domain.next_step import Call, Next, Settled, Step
from service.domain.payment import Payment


@dataclass(frozen=True, slots=True)
class CancelHold(Keyed):
    """The service's own command for an intent that must hold and move no money; its correlation id is the intent's id.

    Such an intent is a second one, or its payment was answered as failed or reverted.
    """

    type: ClassVar = CommandType.CANCEL_HOLD
    own: ClassVar = True
    correlation_id: str
    payment_id: UUID

    def intent_of(self, payment: Payment) -> str:
        """The PaymentIntent whose hold is canceled."""
        return self.correlation_id


def next_step(command: CancelHold, payment: Payment, ledger: Ledger) -> Next:
    """Cancel the intent's hold, or refund its capture.

    The plan reads the intent's movements, because the payment's own fields say nothing of a second intent.
    """
    intent_id = command.intent_of(payment)
    if ledger.is_over(intent_id) or (intent_id == payment.stripe_payment_intent_id and payment.holds_nothing):
        return Settled(payment)
    return Call(Step.REFUND if ledger.money_of(intent_id).captured else Step.CANCEL)
