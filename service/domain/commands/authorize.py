"""Hold money on a customer's card for an order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from service.domain.commands.command import ID, CommandType, Field, FieldError, Keyed, amount, currency, text, url
from service.domain.errors import ErrorCode
from service.domain.money import Money, amount_fault
from service.domain.next_step import Call, Clock, Next, Policy, Settled, Step, Waiting
from service.domain.payment import UNANSWERED, Payment, PaymentStatus, payment_id_of


@dataclass(frozen=True, slots=True)
class Authorize(Keyed):
    """Hold ``amount`` (minor units) on the customer's card for an order."""

    type: ClassVar = CommandType.AUTHORIZE
    correlation_id: str
    order_id: str
    customer_id: str
    payment_method_id: str
    amount: int
    currency: str
    stripe_customer_id: str | None = None
    description: str | None = None
    return_url: str | None = None

    @property
    def ordering_key(self) -> str:
        """The order: commands with the same ordering key run one after the other."""
        return self.order_id


FIELDS: tuple[Field, ...] = (
    Field("order_id", ID),
    Field("customer_id", ID),
    Field("payment_method_id", ID),
    Field("amount", amount),
    Field("currency", currency),
    Field("stripe_customer_id", ID, required=False),
    Field("description", text(1000), required=False),
    Field("return_url", url, required=False),
)


def amount_faults(values: Mapping[str, Any]) -> list[FieldError]:
    """The faults of amount and currency taken together."""
    fault = amount_fault(Money(values["amount"], values["currency"]))
    return [] if fault is None else [FieldError(ErrorCode.INVALID_AMOUNT, fault)]


def new_payment(command: Authorize) -> Payment:
    """The payment that this command begins. Its id is derived from the command's correlation id."""
    return Payment(
        payment_id=payment_id_of(command.correlation_id),
        order_id=command.order_id,
        customer_id=command.customer_id,
        amount=command.amount,
        currency=command.currency,
        status=PaymentStatus.INITIATING,
        authorize_correlation_id=command.correlation_id,
        description=command.description,
    )


_FIRST_LOOK = timedelta(seconds=15)


def next_step(payment: Payment, policy: Policy, clock: Clock) -> Next:
    """Hold the money, then wait for the customer until the action deadline at most, then cancel the hold."""
    if payment.status not in UNANSWERED:
        return Settled(payment)
    if payment.stripe_payment_intent_id is None:
        return Call(Step.CREATE_INTENT)
    deadline, next_look = clock.received_at + policy.action_deadline, clock.now + _pause(policy, clock)
    if clock.now < deadline:
        return Waiting(min(next_look, deadline))
    # A payment that ended while a revert was open waits for the revert, which answers both commands.
    ended = payment.holds_nothing or payment.captured_at is not None
    return Waiting(next_look) if ended else Call(Step.CANCEL)


def _pause(policy: Policy, clock: Clock) -> timedelta:
    """As long again as the customer has had: most customers finish soon, and the webhook may be lost."""
    return min(policy.look_again, max(_FIRST_LOOK, clock.now - clock.received_at))
