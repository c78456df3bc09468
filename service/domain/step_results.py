"""The effect of a step's result at Stripe, or of its refusal, on the payment."""

from dataclasses import replace
from typing import Any

from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import StoredCommand
from service.domain.commands.release import Release
from service.domain.errors import ErrorCode, StripeRefusedError
from service.domain.intent_state import SEEN_BY_STATUS, Observed, fail_authorize, failure_of
from service.domain.learning import Situation, learn, learn_intent, learn_picture, learn_stray
from service.domain.movements import of_refund, of_reversal, of_transfer
from service.domain.next_step import Step, fail_step
from service.domain.payment import UNANSWERED, Failure, Payment, PaymentStatus
from service.domain.stripe_objects import Intent, IntentError, Picture, Refund, Reversal, StepResult, Transfer

GENERIC_REFUSALS = frozenset({ErrorCode.STRIPE_PAYMENT_FAILED})


def apply(command: StoredCommand, payment: Payment, result: StepResult | Picture, situation: Situation) -> Observed:
    """The payment after a step that is done at Stripe; a picture is learned before the step is done."""
    observed = _applied(command, payment, result, situation)
    # The step succeeded, so the open dispute has ended, and its closing is not known yet.
    return replace(observed, look=True) if payment.contested else observed


def _applied(command: StoredCommand, payment: Payment, result: StepResult | Picture, situation: Situation) -> Observed:
    match result:
        case Intent():
            return _intent(command, payment, result, situation)
        case Picture():
            return learn_picture(payment, result, situation)
        case Transfer():
            learnt = learn(payment, list(of_transfer(payment, result)), situation)
            return replace(learnt, payment=_transferred(command, learnt.payment, result))
        case Refund():
            return _refunded(command, payment, result, situation)
        case Reversal():
            learnt = learn(payment, [of_reversal(payment, result)], situation)
            more = learnt.payment.money.outstanding > 0
            reversed_ = replace(learnt.payment, stripe_reversal_id=result.id)
            return replace(learnt, payment=reversed_, look=learnt.look or more)


def _intent(command: StoredCommand, payment: Payment, intent: Intent, situation: Situation) -> Observed:
    if command.own and intent.id != payment.stripe_payment_intent_id:
        return learn_stray(payment, Picture(intent), situation)
    learnt = learn_intent(payment, SEEN_BY_STATUS[intent.status], intent, situation)
    # A command that cancels the hold already needs no second one.
    return replace(learnt, cancel_hold=learnt.cancel_hold and not command.own)


def _transferred(command: StoredCommand, payment: Payment, transfer: Transfer) -> Payment:
    ours = isinstance(command, Release) and command.runner_connect_account_id == transfer.destination
    facts: dict[str, Any] = {
        "stripe_transfer_id": transfer.id,
        "transfer_amount": transfer.amount,
        "transfer_currency": transfer.currency,
        "stripe_reversal_id": transfer.reversal_id,
        "runner_connect_account_id": transfer.destination,
        "runner_id": command.runner_id if isinstance(command, Release) and ours else payment.runner_id,
        "release_correlation_id": command.correlation_id if ours else payment.release_correlation_id,
        "failure": None,
    }
    if payment.status is PaymentStatus.SUCCEEDED:
        return replace(payment, **facts)
    return payment.become(PaymentStatus.SUCCEEDED, **facts)


def _refunded(command: StoredCommand, payment: Payment, refund: Refund, situation: Situation) -> Observed:
    moved = list(of_refund(payment, refund))
    if command.intent_of(payment) != payment.stripe_payment_intent_id:
        return learn(payment, [replace(movement, stray=True) for movement in moved], situation)
    learnt = learn(payment, moved, situation)
    # This answer does not include earlier refunds that others made.
    more = learnt.payment.money.left > 0
    noted = replace(learnt.payment, stripe_refund_id=refund.id, refund_status=refund.status)
    return replace(learnt, payment=noted, look=learnt.look or more)


def refuse(command: StoredCommand, payment: Payment, error: StripeRefusedError) -> Observed:
    """The payment after a step that Stripe refused for good, and that is not done."""
    if isinstance(command, Authorize) and payment.status in UNANSWERED:
        noted = replace(payment, stripe_payment_intent_id=payment.stripe_payment_intent_id or error.intent_id)
        return fail_authorize(noted, _why(error))
    why = _why(error)
    settled = fail_step(command, payment, why)
    # A person, a bank or another program may have moved the money, and the ledger may lack it.
    return Observed(settled.payment, settled.answers, look=why.error in _MOVED_BY_OTHERS)


_MOVED_BY_OTHERS = frozenset({ErrorCode.PAYMENT_DISPUTED, ErrorCode.PAYMENT_REFUNDED})


def _why(error: StripeRefusedError) -> Failure:
    known = failure_of(IntentError(error.kind, error.message, error.code, error.decline_code))
    if known.error in GENERIC_REFUSALS and error.code != "payment_intent_authentication_failure":
        return Failure(ErrorCode.STRIPE_ERROR, error.message, error.stripe_code)
    return known


def give_up(command: StoredCommand, payment: Payment, step: Step) -> Observed:
    """The payment after a look past the deadline showed that the step is not done: the command fails for good."""
    message = (
        f"Stripe did not confirm {step.value} within the deadline, and a look shows it was not done; send it anew."
    )
    failure = Failure(ErrorCode.STRIPE_ERROR, message)
    if isinstance(command, Authorize) and payment.status in UNANSWERED:
        return fail_authorize(payment, failure)
    settled = fail_step(command, payment, failure)
    return Observed(settled.payment, settled.answers)
