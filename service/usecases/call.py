"""Phase 3, call: do one step at Stripe under its idempotency key, or look whether it is done."""

from dataclasses import dataclass
from datetime import timedelta

from service.domain.commands.authorize import Authorize
from service.domain.commands.revert import Revert
from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.intent_state import REFUNDED_KIND
from service.domain.next_step import Mode, Step
from service.domain.payment import Payment, PaymentStatus
from service.domain.ports import PaymentGateway
from service.domain.stripe_objects import (
    Intent,
    IntentStatus,
    Picture,
    Refund,
    StepResult,
)
from service.usecases.claimed import Attempt, intent_request, transfer_id, transfer_request
from service.usecases.lost_transfers import lost_transfer

CLOCK_SKEW = timedelta(minutes=10)
"""Stripe's clock may run behind ours: a search by creation time starts this much earlier."""

ENDED_STATES = {
    Step.CAPTURE: frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED}),
    Step.CANCEL: frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED}),
}
"""Intent states in which a capture or a cancellation needs no further call, whichever of the two took effect."""


def act(gateway: PaymentGateway, attempt: Attempt) -> StepResult | Picture:
    """Do the step. Returns a picture, and does nothing, where the payment must learn it first.

    Raises what the gateway raises.
    """
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
            # A refund must follow. If a dispute makes Stripe refuse it, the runner keeps the money.
            if attempt.payment.status is not PaymentStatus.REVERTED and not attempt.payment.money.is_all_back:
                _refuse_if_disputed(gateway, gateway.retrieve_intent(attempt.intent_id))
            return gateway.reverse_transfer(transfer_id(attempt), attempt.key, attempt.payment_id)
        case Step.REFUND:
            return _refund(gateway, attempt, reason)


def _decided(intent: Intent) -> Intent:
    """The intent, unless its bank has not decided yet: only a later look shows how ("Asynchronous capture").

    Raises StripeUnknownError while Stripe is still processing the payment.
    """
    if intent.status is IntentStatus.PROCESSING:
        raise StripeUnknownError("Stripe is still processing the payment", stored=True)
    return intent


def _intent_seen(gateway: PaymentGateway, attempt: Attempt) -> Intent:
    """The intent with its charge: from the previous step of this run, else retrieved."""
    return attempt.seen or gateway.retrieve_intent(attempt.intent_id)


def _charge_to_pay_out(gateway: PaymentGateway, attempt: Attempt) -> Intent:
    """The intent, if nothing of its charge is refunded and no dispute is open or lost.

    Raises StripeRefusedError otherwise: the platform would pay for the transfer.
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
    """Refund all that is left. A refund that Stripe reports as failed moved no money, so it is a refusal."""
    reverts = isinstance(attempt.command, Revert)
    lost = lost_transfer(gateway, attempt.payment, attempt.intent_id) if reverts else None
    if lost is not None:
        return lost
    refund = gateway.refund(attempt.intent_id, attempt.key, reason, attempt.payment_id)
    if refund.failed:
        raise StripeRefusedError("Stripe could not refund the payment; revert it again.", kind="refund_failed")
    return refund


def look(gateway: PaymentGateway, attempt: Attempt) -> StepResult | None:
    """Ask Stripe whether the step is done; None when it is not. Changes nothing. Raises what the gateway raises."""
    match attempt.step:
        case Step.CREATE_INTENT if attempt.payment.stripe_payment_intent_id is not None:
            return gateway.retrieve_intent(attempt.intent_id)
        case Step.CREATE_INTENT:
            customer = attempt.command.stripe_customer_id if isinstance(attempt.command, Authorize) else None
            since = attempt.received_at - CLOCK_SKEW
            return gateway.find_intent(attempt.payment_id, customer, since, attempt.is_ours)
        case Step.CAPTURE | Step.CANCEL:
            intent = _decided(gateway.retrieve_intent(attempt.intent_id))
            return intent if intent.status in ENDED_STATES[attempt.step] else None
        case Step.TRANSFER:
            found = gateway.find_transfer(transfer_request(attempt, _intent_seen(gateway, attempt)))
            # After a reversal of the whole transfer that the payment knows of, a new transfer is due.
            return None if found is not None and found.reversal_id in _taken_back(attempt.payment) else found
        case Step.REVERSE:
            return gateway.find_reversal(transfer_id(attempt))
        case Step.REFUND:
            return gateway.find_refund(attempt.intent_id)


def _taken_back(payment: Payment) -> set[str]:
    return set() if payment.stripe_reversal_id is None else {payment.stripe_reversal_id}


@dataclass(frozen=True, slots=True)
class NotDone:
    """A look has shown that the step was not done."""


Passing = StripeUnknownError | StripeBusyError
Known = StepResult | Picture | NotDone | StripeRefusedError


def perform(gateway: PaymentGateway, attempt: Attempt, mode: Mode) -> Known | Passing:
    """Do the step, or look whether it is done, as ``mode`` says. Stripe's errors are returned, not raised."""
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
    """A refusal may only mean that the step is done already, in the Dashboard or by a process that died."""
    if refusal.kind == "card_error":
        return refusal
    found = look(gateway, attempt)
    return refusal if found is None else found
