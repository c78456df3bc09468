"""What a step's answer from Stripe does to the payment."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from service.domain.commands import Authorize, CancelHold, Release, StoredCommand
from service.domain.errors import ErrorCode, StripeRefusedError
from service.domain.observations import SEEN_BY_STATUS, Observed, Seen, fail_authorise, failure_of, observe
from service.domain.payment import Failure, Payment
from service.domain.plans import Step, fail_step
from service.domain.ports import Intent, IntentError, Refund, StepResult, Transfer
from service.domain.status import UNANSWERED, PaymentStatus

GENERIC_REFUSALS = frozenset({ErrorCode.STRIPE_PAYMENT_FAILED})


@dataclass(frozen=True, slots=True)
class Moment:
    """What a result is judged by beside the payment itself."""

    now: datetime
    revert_open: bool


def apply(command: StoredCommand, payment: Payment, result: StepResult, moment: Moment) -> Observed:
    """The payment after a step that stands at Stripe, or after a look."""
    match result:
        case Intent():
            return _intent(command, payment, result, moment)
        case Transfer():
            return Observed(_transferred(command, payment, result))
        case Refund():
            return Observed(_refunded(command, payment, result))
        case str():
            return Observed(replace(payment, stripe_reversal_id=result))


def _intent(command: StoredCommand, payment: Payment, intent: Intent, moment: Moment) -> Observed:
    if isinstance(command, CancelHold) and intent.id != payment.stripe_payment_intent_id:
        return Observed(payment)
    seen = SEEN_BY_STATUS[intent.status]
    if isinstance(command, CancelHold) and seen is Seen.CAPTURED:
        return Observed(payment if payment.captured_at else replace(payment, captured_at=moment.now))
    return observe(payment, seen, intent, revert_open=moment.revert_open, now=moment.now)


def _transferred(command: StoredCommand, payment: Payment, transfer: Transfer) -> Payment:
    ours = isinstance(command, Release) and command.runner_connect_account_id == transfer.destination
    facts: dict[str, Any] = {
        "stripe_transfer_id": transfer.id,
        "transfer_amount": transfer.amount,
        "transfer_currency": transfer.currency,
        "stripe_reversal_id": transfer.reversal_id,
        "runner_connect_account_id": transfer.destination,
        "runner_id": command.runner_id if isinstance(command, Release) and ours else payment.runner_id,
        "failure": None,
    }
    if payment.status is PaymentStatus.SUCCEEDED:
        return replace(payment, **facts)
    return payment.become(PaymentStatus.SUCCEEDED, **facts)


def _refunded(command: StoredCommand, payment: Payment, refund: Refund) -> Payment:
    if isinstance(command, CancelHold) and command.intent_id != payment.stripe_payment_intent_id:
        return payment
    return replace(payment, stripe_refund_id=refund.id)


def refuse(command: StoredCommand, payment: Payment, error: StripeRefusedError) -> Observed:
    """A step that Stripe refused for good, and that a look has shown not to stand."""
    if isinstance(command, Authorize) and payment.status in UNANSWERED:
        noted = replace(payment, stripe_payment_intent_id=payment.stripe_payment_intent_id or error.intent_id)
        return fail_authorise(noted, _why(error))
    settled = fail_step(command, payment, _why(error))
    return Observed(settled.payment, settled.answers)


def _why(error: StripeRefusedError) -> Failure:
    known = failure_of(IntentError(error.kind, error.message, error.code, error.decline_code))
    if known.error in GENERIC_REFUSALS and error.code != "payment_intent_authentication_failure":
        return Failure(ErrorCode.STRIPE_ERROR, error.message, error.stripe_code)
    return known


def give_up(command: StoredCommand, payment: Payment, step: Step) -> Observed:
    """A look past the deadline has shown that the step was not done: it is told so, and not tried again."""
    message = (
        f"Stripe did not confirm {step.value} within the deadline, and a look shows it was not done; send it anew."
    )
    failure = Failure(ErrorCode.STRIPE_ERROR, message)
    if isinstance(command, Authorize) and payment.status in UNANSWERED:
        return fail_authorise(payment, failure)
    settled = fail_step(command, payment, failure)
    return Observed(settled.payment, settled.answers)
