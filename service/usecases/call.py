"""One step at Stripe: doing it under its idempotency key, or looking whether it stands."""

from dataclasses import dataclass
from datetime import timedelta

from service.domain.commands.authorize import Authorize
from service.domain.commands.revert import Revert
from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.intent_state import REFUNDED_KIND
from service.domain.next_step import Mode, Step
from service.domain.payment import Payment
from service.domain.ports import PaymentGateway
from service.domain.status import PaymentStatus
from service.domain.stripe_objects import (
    Intent,
    IntentStatus,
    Picture,
    Refund,
    StepResult,
)
from service.usecases.attempt import Attempt, intent_request, transfer_id, transfer_request
from service.usecases.lost_transfers import lost_transfer

CLOCK_SKEW = timedelta(minutes=10)
"""Stripe's clock may run behind ours: a search by creation time starts this much earlier."""

STANDS = {
    Step.CAPTURE: frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED}),
    Step.CANCEL: frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED}),
}
"""Intent states in which capturing or canceling is over, one way or the other."""


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
            return gateway.reverse_transfer(transfer_id(attempt), attempt.key, attempt.payment_id)
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
            return gateway.find_reversal(transfer_id(attempt))
        case Step.REFUND:
            return gateway.find_refund(attempt.intent_id)


def _taken_back(payment: Payment) -> set[str]:
    return set() if payment.stripe_reversal_id is None else {payment.stripe_reversal_id}


@dataclass(frozen=True, slots=True)
class NotDone:
    """A look has shown that the step does not stand."""


Passing = StripeUnknownError | StripeBusyError
Known = StepResult | Picture | NotDone | StripeRefusedError


def perform(gateway: PaymentGateway, attempt: Attempt, mode: Mode) -> Known | Passing:
    """Do the step, or look whether it stands, as ``mode`` says. Raises nothing that Stripe says."""
    try:
        if mode is not Mode.ACT:
            found = look(gateway, attempt)
            return NotDone() if found is None else found
        try:
            return act(gateway, attempt)
        except StripeRefusedError as refusal:
            return _look_behind(gateway, attempt, refusal)
    except (StripeRefusedError, StripeUnknownError, StripeBusyError) as answer:
        return answer


def _look_behind(gateway: PaymentGateway, attempt: Attempt, refusal: StripeRefusedError) -> Known:
    """A refusal may only mean that the effect stands already: done in the Dashboard, or by a dead process."""
    if refusal.kind == "card_error":
        return refusal
    found = look(gateway, attempt)
    return refusal if found is None else found
