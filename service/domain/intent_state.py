"""The effect of a PaymentIntent's state on its payment.

The answer of a call, a webhook and a reconciliation all pass through here, so that their order does not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Any

from service.domain import events
from service.domain.errors import ErrorCode
from service.domain.events import DISPUTED, Answer
from service.domain.ledger import Movement
from service.domain.payment import UNANSWERED, Failure, Payment, PaymentStatus
from service.domain.stripe_objects import Intent, IntentError, IntentStatus


class Seen(Enum):
    """The state of an intent, as an object or an event shows it."""

    ACTION = auto()
    PROCESSING = auto()
    HELD = auto()
    CAPTURED = auto()
    CANCELED = auto()
    DECLINED = auto()


SEEN_BY_STATUS = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: Seen.DECLINED,
    IntentStatus.REQUIRES_CONFIRMATION: Seen.ACTION,
    IntentStatus.REQUIRES_ACTION: Seen.ACTION,
    IntentStatus.PROCESSING: Seen.PROCESSING,
    IntentStatus.REQUIRES_CAPTURE: Seen.HELD,
    IntentStatus.CANCELED: Seen.CANCELED,
    IntentStatus.SUCCEEDED: Seen.CAPTURED,
}

SEEN_BY_EVENT = {
    "payment_intent.amount_capturable_updated": Seen.HELD,
    "payment_intent.succeeded": Seen.CAPTURED,
    "payment_intent.canceled": Seen.CANCELED,
    "payment_intent.payment_failed": Seen.DECLINED,
    "payment_intent.processing": Seen.PROCESSING,
    "payment_intent.requires_action": Seen.ACTION,
}


@dataclass(frozen=True, slots=True)
class Observed:
    """The payment afterwards, its events, whether its hold must be canceled, and the new movements.

    ``look``: the object does not show everything, so a look at Stripe is due.
    """

    payment: Payment
    answers: tuple[Answer, ...] = ()
    cancel_hold: bool = False
    movements: tuple[Movement, ...] = ()
    look: bool = False


def observe(payment: Payment, seen: Seen, intent: Intent, *, revert_open: bool, now: datetime) -> Observed:
    """The effect of the state ``seen`` of the payment's own ``intent``.

    While a revert is open, only a declined authorize is decided here: the revert answers both commands.
    """
    noted = _note(payment, seen, intent, now)
    if payment.status in UNANSWERED:
        if revert_open and seen is not Seen.DECLINED:
            return Observed(noted)
        return _UNANSWERED[seen](noted, intent)
    if payment.status is PaymentStatus.AUTHORIZED:
        return _hold_ended(noted) if seen is Seen.CANCELED and not revert_open else Observed(noted)
    if payment.status is PaymentStatus.SUCCEEDED:
        return Observed(noted)
    return Observed(noted, cancel_hold=_too_late(payment, seen))


def _note(payment: Payment, seen: Seen, intent: Intent, now: datetime) -> Payment:
    facts: dict[str, Any] = {}
    if payment.stripe_payment_intent_id is None:
        facts["stripe_payment_intent_id"] = intent.id
    if payment.stripe_charge_id is None and intent.charge_id is not None:
        facts["stripe_charge_id"] = intent.charge_id
    if seen is Seen.CAPTURED and payment.captured_at is None and payment.status not in _ENDED_WITHOUT_MONEY:
        facts["captured_at"] = now
    if seen is Seen.CANCELED and payment.canceled_at is None:
        facts["canceled_at"] = now
    return replace(payment, **facts) if facts else payment


_ENDED_WITHOUT_MONEY = frozenset({PaymentStatus.FAILED, PaymentStatus.REVERTED})


def _too_late(payment: Payment, seen: Seen) -> bool:
    """Whether a payment that has ended, and whose caller knows it, still holds money or even captured some."""
    if payment.holds_nothing or payment.captured_at is not None:
        return False
    return seen in {Seen.HELD, Seen.CAPTURED, Seen.ACTION}


def _authorized(payment: Payment, _intent: Intent) -> Observed:
    done = payment.become(PaymentStatus.AUTHORIZED)
    return Observed(done, (events.authorized(done),))


def _captured(payment: Payment, intent: Intent) -> Observed:
    # A manual intent was held before it was captured: the result is the same as after both events in order.
    if intent.capture_method == "manual":
        return _authorized(payment, intent)
    done = payment.become(PaymentStatus.SUCCEEDED)
    return Observed(done, (events.authorized(done),))


def _canceled(payment: Payment, intent: Intent) -> Observed:
    # The intent shows what came before the cancellation: the result is the same as after both events in order.
    if intent.error is not None:
        return _declined(payment, intent)
    if intent.charge_id is not None:
        held = payment.become(PaymentStatus.AUTHORIZED)
        ended = _hold_ended(held)
        return Observed(ended.payment, (events.authorized(held), *ended.answers))
    done = payment.become(PaymentStatus.REVERTED, failure=events.CANCELED.as_json())
    return Observed(done, (events.failed(done, events.authorize_of(done), events.CANCELED),))


def _declined(payment: Payment, intent: Intent) -> Observed:
    return fail_authorize(payment, failure_of(intent.error))


def _action(payment: Payment, _intent: Intent) -> Observed:
    if payment.status is PaymentStatus.REQUIRES_ACTION:
        return Observed(payment)
    return Observed(payment.become(PaymentStatus.REQUIRES_ACTION))


def _processing(payment: Payment, _intent: Intent) -> Observed:
    return Observed(payment)


_UNANSWERED: dict[Seen, Callable[[Payment, Intent], Observed]] = {
    Seen.ACTION: _action,
    Seen.PROCESSING: _processing,
    Seen.HELD: _authorized,
    Seen.CAPTURED: _captured,
    Seen.CANCELED: _canceled,
    Seen.DECLINED: _declined,
}


def _hold_ended(payment: Payment) -> Observed:
    done = payment.become(PaymentStatus.REVERTED, failure=events.CANCELED.as_json())
    return Observed(done, (events.hold_ended(done),))


def fail_authorize(payment: Payment, failure: Failure) -> Observed:
    """The failed authorize. A known hold is canceled, because the caller learns that the payment failed."""
    done = payment.become(PaymentStatus.FAILED, failure=failure.as_json())
    return Observed(
        done,
        (events.failed(done, events.authorize_of(done), failure),),
        cancel_hold=done.stripe_payment_intent_id is not None and not done.holds_nothing,
    )


_AUTHENTICATION_FAILED = "payment_intent_authentication_failure"
DISPUTED_CODES = frozenset({"charge_disputed", "refund_disputed_payment"})
"""Stripe documentation, "Error codes"."""

REFUNDED_KIND = "charge_refunded"
"""Kind of our own refusal to pay the runner out of a charge that was refunded."""

_AMOUNT_CODES = frozenset({"amount_too_small", "amount_too_large", "invalid_charge_amount"})


def failure_of(error: IntentError | None) -> Failure:
    """The failure with the contract's code and message, the same from the API and from a webhook.

    Source: Stripe documentation, "Error codes" and "Decline codes".
    """
    if error is None:
        return Failure(ErrorCode.STRIPE_PAYMENT_FAILED, "Stripe could not take the payment.")
    code = error.decline_code or error.code
    if error.code == _AUTHENTICATION_FAILED:
        return Failure(
            ErrorCode.STRIPE_PAYMENT_FAILED, "The customer did not pass authentication; ask for another card.", code
        )
    if error.kind == "card_error":
        return Failure(ErrorCode.CARD_DECLINED, error.message or "The card was declined.", code)
    if error.code in DISPUTED_CODES:
        return replace(DISPUTED, stripe_code=code)
    if error.kind == REFUNDED_KIND:
        return Failure(ErrorCode.PAYMENT_REFUNDED, error.message)
    if error.code in _AMOUNT_CODES:
        return Failure(ErrorCode.INVALID_AMOUNT, error.message, code)
    return Failure(ErrorCode.STRIPE_PAYMENT_FAILED, error.message or "Stripe could not take the payment.", code)
