"""One step at Stripe: doing it under its idempotency key, or looking whether it stands."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.domain.commands.authorize import Authorize
from service.domain.commands.cancel_hold import CancelHold
from service.domain.commands.catalog import StoredCommand
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.errors import StripeRefusedError, StripeUnknownError
from service.domain.intent_state import REFUNDED_KIND
from service.domain.next_step import Step
from service.domain.ours import Ownership
from service.domain.payment import Payment
from service.domain.ports import PaymentGateway
from service.domain.status import PaymentStatus
from service.domain.stripe_objects import (
    Intent,
    IntentRequest,
    IntentStatus,
    Picture,
    Refund,
    StepResult,
    TransferRequest,
)
from service.usecases.lost_transfers import lost_transfer

CLOCK_SKEW = timedelta(minutes=10)
"""Stripe's clock may run behind ours: a search by creation time starts this much earlier."""

STANDS = {
    Step.CAPTURE: frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED}),
    Step.CANCEL: frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED}),
}
"""Intent states in which capturing or cancelling is over, one way or the other."""


def idempotency_key(command: StoredCommand, step: Step, generation: int) -> str:
    """Derived from the command, never random: whoever repeats the step repeats the key.

    Stripe takes up to 255 characters (Stripe API reference, "Idempotent requests"), a correlation id may have as
    many: so its digest stands in the key.
    """
    digest = hashlib.sha256(command.correlation_id.encode()).hexdigest()[:40]
    return f"{command.type}:{digest}:{step}:{generation}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step as it was committed before the call."""

    command: StoredCommand
    payment: Payment
    step: Step
    generation: int
    received_at: datetime
    seen: Intent | None = None
    """The payment's intent as the step before, in the same run, has shown it."""

    def is_ours(self, intent: Intent) -> bool:
        """Whether the payment's intent may be this one: only objects that our own API key shows are asked about."""
        return Ownership().of_intent(self.payment, intent) is None

    @property
    def key(self) -> str:
        """Idempotency key of this attempt."""
        return idempotency_key(self.command, self.step, self.generation)

    @property
    def payment_id(self) -> str:
        """The payment, as the metadata of our objects name it."""
        return str(self.payment.payment_id)

    @property
    def intent_id(self) -> str:
        """The intent the step is about. Raises LookupError when there is none: a fault in the plan."""
        if isinstance(self.command, CancelHold):
            return self.command.intent_id
        if self.payment.stripe_payment_intent_id is None:
            raise LookupError(f"payment {self.payment.payment_id} has no PaymentIntent to {self.step}")
        return self.payment.stripe_payment_intent_id


def act(gateway: PaymentGateway, attempt: Attempt) -> StepResult | Picture:
    """Do the step, or say what must be known before it is done. Raises what the gateway raises."""
    reason = (attempt.command.reason or "") if isinstance(attempt.command, Revert) else ""
    match attempt.step:
        case Step.CREATE_INTENT:
            return gateway.create_intent(intent_request(attempt), attempt.key)
        case Step.CAPTURE:
            return _decided(gateway.capture(attempt.intent_id, attempt.key))
        case Step.TRANSFER:
            return gateway.transfer(transfer_request(attempt, _charge_to_pay_out(gateway, attempt)), attempt.key)
        case Step.CANCEL:
            return gateway.cancel(attempt.intent_id, attempt.key, reason)
        case Step.REVERSE:
            # Where a refund must follow that Stripe would refuse, the runner keeps what he has.
            if attempt.payment.status is not PaymentStatus.REVERTED and not attempt.payment.money.is_all_back:
                _refuse_if_disputed(gateway, gateway.retrieve_intent(attempt.intent_id))
            return gateway.reverse_transfer(_transfer_id(attempt), attempt.key, attempt.payment_id)
        case Step.REFUND:
            return _refund(gateway, attempt, reason)


def _decided(intent: Intent) -> Intent:
    """A bank may take its time over a capture: then only looking again says how it ended ("Asynchronous capture")."""
    if intent.status is IntentStatus.PROCESSING:
        raise StripeUnknownError("Stripe is still processing the payment", stored=True)
    return intent


def _intent_seen(gateway: PaymentGateway, attempt: Attempt) -> Intent:
    """The intent with its charge: as the step before has just shown it, else asked for."""
    return attempt.seen or gateway.retrieve_intent(attempt.intent_id)


def _charge_to_pay_out(gateway: PaymentGateway, attempt: Attempt) -> Intent:
    """The intent, when nothing of its charge is refunded or disputed: a transfer would be paid by the platform.

    Raises StripeRefusedError otherwise.
    """
    intent = _intent_seen(gateway, attempt)
    if intent.charge is not None and intent.charge.refunded:
        message = "The charge was refunded; nothing is paid out. Revert the payment, or pay the runner by other means."
        raise StripeRefusedError(message, kind=REFUNDED_KIND)
    _refuse_if_disputed(gateway, intent)
    return intent


def _refuse_if_disputed(gateway: PaymentGateway, intent: Intent) -> None:
    charge = intent.charge
    if charge is not None and charge.disputed and gateway.is_disputed(charge.id):
        raise StripeRefusedError("The charge is disputed.", kind="invalid_request_error", code="charge_disputed")


def _refund(gateway: PaymentGateway, attempt: Attempt, reason: str) -> Refund | Picture:
    """Stripe may answer with a refund that did not go through: no money moved, so it is a refusal."""
    reverts = isinstance(attempt.command, Revert)
    lost = lost_transfer(gateway, attempt.payment, attempt.intent_id) if reverts else None
    if lost is not None:
        return lost
    refund = gateway.refund(attempt.intent_id, attempt.key, reason, attempt.payment_id)
    if refund.failed:
        raise StripeRefusedError("Stripe could not refund the payment; revert it again.", kind="refund_failed")
    return refund


def look(gateway: PaymentGateway, attempt: Attempt) -> StepResult | None:
    """Ask Stripe whether the step stands; None when it was not done. Changes nothing."""
    match attempt.step:
        case Step.CREATE_INTENT if attempt.payment.stripe_payment_intent_id is not None:
            return gateway.retrieve_intent(attempt.intent_id)
        case Step.CREATE_INTENT:
            customer = attempt.command.stripe_customer_id if isinstance(attempt.command, Authorize) else None
            since = attempt.received_at - CLOCK_SKEW
            return gateway.find_intent(attempt.payment_id, customer, since, attempt.is_ours)
        case Step.CAPTURE | Step.CANCEL:
            intent = _decided(gateway.retrieve_intent(attempt.intent_id))
            return intent if intent.status in STANDS[attempt.step] else None
        case Step.TRANSFER:
            found = gateway.find_transfer(transfer_request(attempt, _intent_seen(gateway, attempt)))
            # One that is known to have been taken back whole is to be made anew.
            return None if found is not None and found.reversal_id in _taken_back(attempt.payment) else found
        case Step.REVERSE:
            return gateway.find_reversal(_transfer_id(attempt))
        case Step.REFUND:
            return gateway.find_refund(attempt.intent_id)


def _taken_back(payment: Payment) -> set[str]:
    return set() if payment.stripe_reversal_id is None else {payment.stripe_reversal_id}


def intent_request(attempt: Attempt) -> IntentRequest:
    """The hold an authorise asks for."""
    command, payment = attempt.command, attempt.payment
    if not isinstance(command, Authorize):
        raise TypeError(f"{command.type} makes no PaymentIntent")
    return IntentRequest(
        payment_id=str(payment.payment_id),
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        amount=payment.amount,
        currency=payment.currency,
        payment_method_id=command.payment_method_id,
        stripe_customer_id=command.stripe_customer_id,
        description=command.description,
        return_url=command.return_url,
    )


def transfer_request(attempt: Attempt, intent: Intent) -> TransferRequest:
    """What Stripe settled of the charge, to the account that the release names.

    Stripe makes a transfer only in the currency that the charge settled in (Stripe API reference, "Create a transfer").
    """
    command, payment = attempt.command, attempt.payment
    if not isinstance(command, Release) or payment.stripe_charge_id is None:
        raise TypeError(f"{command.type} of payment {payment.payment_id} has nothing to transfer")
    settled = intent.charge.settlement if intent.charge else None
    if settled is None:
        raise StripeUnknownError("Stripe has not settled the charge yet: what can be transferred is not known")
    return TransferRequest(
        payment_id=str(payment.payment_id),
        order_id=payment.order_id,
        amount=settled.amount,
        currency=settled.currency,
        destination=command.runner_connect_account_id,
        charge_id=payment.stripe_charge_id if payment.stripe_reversal_id is None else None,
    )


def _transfer_id(attempt: Attempt) -> str:
    if attempt.payment.stripe_transfer_id is None:
        raise LookupError(f"payment {attempt.payment.payment_id} has no transfer to reverse")
    return attempt.payment.stripe_transfer_id
