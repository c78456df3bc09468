"""What comes next for a command, told from the payment's facts alone.

Because a plan reads only facts, resuming after a crash and answering a second command whose effect already
stands are the same thing: the steps that stand are simply not planned again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain import events
from service.domain.commands import Authorize, CancelHold, Release, Revert, StoredCommand
from service.domain.errors import ErrorCode
from service.domain.events import Subject
from service.domain.intent_state import DISPUTED
from service.domain.ledger import Ledger
from service.domain.messages import Answer
from service.domain.news import REFUNDED
from service.domain.payment import Failure, Payment
from service.domain.status import UNANSWERED, PaymentStatus


class Step(StrEnum):
    """The effects a command may have at Stripe, each under an idempotency key of its own."""

    CREATE_INTENT = "create_intent"
    CAPTURE = "capture"
    TRANSFER = "transfer"
    CANCEL = "cancel"
    REVERSE = "reverse_transfer"
    REFUND = "refund"


REPEATABLE = frozenset({Step.CREATE_INTENT, Step.TRANSFER})
"""Steps that Stripe does a second time under another key."""


class Mode(StrEnum):
    """How a step is gone about: done; looked for first; or looked for and, where it was not done, given up."""

    ACT = "act"
    LOOK = "look"
    LOOK_ONLY = "look_only"


@dataclass(frozen=True, slots=True)
class Call:
    """Stripe is to be called."""

    step: Step
    mode: Mode = Mode.ACT

    @property
    def recovery_point(self) -> str:
        """The committed note of the call."""
        return f"{self.step}:{self.mode}"


@dataclass(frozen=True, slots=True)
class Settled:
    """The command is answered; ``payment`` as it stands afterwards."""

    payment: Payment
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """No outcome yet: the customer, Stripe, a revert or time decides. Looked at again at ``until`` (UTC)."""

    until: datetime


Next = Call | Settled | Waiting


@dataclass(frozen=True, slots=True)
class Policy:
    """Choices from the settings that plans depend on."""

    revert_event_type: str
    look_again: timedelta
    action_deadline: timedelta
    look_first: bool = False
    """The database may have lost rows: what Stripe would do twice is looked for before it is begun."""

    def begun(self, step: Step) -> Call:
        """How a step that this record knows nothing of is gone about.

        Stripe refuses a second capture, cancellation, reversal or refund of the whole, but holds and sends again once
        it has forgotten the idempotency key.
        """
        return Call(step, Mode.LOOK if self.look_first and step in REPEATABLE else Mode.ACT)


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment of planning, and when the command was accepted (UTC)."""

    now: datetime
    received_at: datetime


_EMPTY = Ledger()
_FIRST_LOOK = timedelta(seconds=15)


def subject_of(command: StoredCommand) -> Subject:
    """The command as its answer names it."""
    return Subject(command.type, command.correlation_id)


def plan(command: StoredCommand, payment: Payment, policy: Policy, clock: Clock, ledger: Ledger = _EMPTY) -> Next:
    """The next step, or the answer. ``ledger``: what is known of each intent of the payment."""
    match command:
        case Authorize():
            return _authorize(payment, policy, clock)
        case Release():
            return _release(command, payment)
        case Revert():
            return _revert(command, payment, policy)
        case CancelHold():
            return _cancel_hold(command, payment, ledger)


def _authorize(payment: Payment, policy: Policy, clock: Clock) -> Next:
    if payment.status not in UNANSWERED:
        return Settled(payment)
    if payment.stripe_payment_intent_id is None:
        return Call(Step.CREATE_INTENT)
    deadline, next_look = clock.received_at + policy.action_deadline, clock.now + _pause(policy, clock)
    if clock.now < deadline:
        return Waiting(min(next_look, deadline))
    # What ended while a revert was open is left to the revert, which answers for both.
    ended = payment.holds_nothing or payment.captured_at is not None
    return Waiting(next_look) if ended else Call(Step.CANCEL)


def _pause(policy: Policy, clock: Clock) -> timedelta:
    """As long again as the customer has had: most finish soon, and the webhook that tells it may never come."""
    return min(policy.look_again, max(_FIRST_LOOK, clock.now - clock.received_at))


def _release(command: Release, payment: Payment) -> Next:
    match payment.status:
        case PaymentStatus.AUTHORIZED if payment.holds_nothing:
            return _refuse(command, payment, "its hold has ended; authorise anew")
        case PaymentStatus.AUTHORIZED if payment.captured_at is None:
            return Call(Step.CAPTURE)
        case PaymentStatus.AUTHORIZED:
            return _transfer(payment)
        case PaymentStatus.SUCCEEDED if payment.stripe_transfer_id is None:
            return _transfer(payment)
        case PaymentStatus.SUCCEEDED:
            return _released_before(command, payment)
        case PaymentStatus.REVERTED if payment.refunded or payment.disputed:
            return _money_gone(command, payment)
        case _:
            return _refuse(command, payment, "only an authorised payment can be released")


def _transfer(payment: Payment) -> Call:
    return Call(Step.CAPTURE, Mode.LOOK) if payment.stripe_charge_id is None else Call(Step.TRANSFER)


def _money_gone(command: Release, payment: Payment) -> Settled:
    """The customer, or a bank, has it back: by a revert as asked, else by whatever the payment's failure says."""
    code = (payment.failure or {}).get("error")
    if code not in _GONE:
        return _refuse(command, payment, "only an authorised payment can be released")
    return Settled(payment, (events.failed(payment, subject_of(command), _GONE[code]),))


_GONE = {failure.error.value: failure for failure in (REFUNDED, DISPUTED)}


def _released_before(command: Release, payment: Payment) -> Next:
    if payment.stripe_reversal_id is not None:
        return _transfer(payment)
    missing = (payment.transfer_amount or 0) - payment.money.outstanding
    if payment.reversed and missing > 0:
        why = f"{missing} of the transfer was taken back; revert it, or pay the runner the rest by other means"
        return _refuse(command, payment, why)
    if payment.runner_connect_account_id == command.runner_connect_account_id:
        return Settled(payment, (events.released(payment, subject_of(command)),))
    message = "The payment was already released to another account; revert it first."
    failure = Failure(ErrorCode.ALREADY_RELEASED, message)
    return Settled(payment, (events.failed(payment, subject_of(command), failure),))


def _revert(command: Revert, payment: Payment, policy: Policy) -> Next:
    match payment.status:
        case PaymentStatus.FAILED:
            return _refuse(command, payment, "a failed payment holds no money")
        case PaymentStatus.REVERTED:
            return _revert_again(command, payment, policy)
        case _ if payment.holds_nothing and not _is_out(payment):
            return _settle_revert(command, payment, policy)
        case _ if payment.captured_at is None:
            return Call(Step.CANCEL)
        case _ if _is_out(payment):
            return Call(Step.REVERSE)
        case _:
            return Call(Step.REFUND)


def _is_out(payment: Payment) -> bool:
    """Whether our transfer stands, or a part of it."""
    return payment.stripe_transfer_id is not None and payment.stripe_reversal_id is None


def _revert_again(command: Revert, payment: Payment, policy: Policy) -> Next:
    """What a reverted payment still owes: the transfer that outlived its charge, and a refund that failed."""
    if _is_out(payment) and payment.money.outstanding > 0:
        return Call(Step.REVERSE)
    if payment.money.left > 0 and payment.stripe_refund_id is None:
        return Call(Step.REFUND)
    told = events.reverted(payment, subject_of(command), policy.revert_event_type)
    return Settled(replace(payment, revert_correlation_id=command.correlation_id), (told,))


def _settle_revert(command: Revert, payment: Payment, policy: Policy) -> Settled:
    """The revert stands; an authorise not yet answered is answered with it."""
    unanswered = payment.status in UNANSWERED
    failure = events.CANCELED.as_json() if unanswered else None
    by = {"revert_reason": command.reason, "revert_correlation_id": command.correlation_id}
    done = payment.become(PaymentStatus.REVERTED, failure=failure, **by)
    told = events.reverted(done, subject_of(command), policy.revert_event_type)
    if not unanswered:
        return Settled(done, (told,))
    return Settled(done, (events.failed(done, events.authorise_of(done), events.CANCELED), told))


def _refuse(command: Release | Revert, payment: Payment, why: str) -> Settled:
    failure = Failure(ErrorCode.INVALID_STATE, f"The payment is {payment.status}: {why}.")
    return Settled(payment, (events.failed(payment, subject_of(command), failure),))


def fail_step(command: StoredCommand, payment: Payment, failure: Failure) -> Settled:
    """A step of a release or revert was refused for good: told, and noted on the payment; nothing else changes."""
    noted = replace(payment, failure=failure.as_json())
    return Settled(noted, (events.failed(noted, subject_of(command), failure),))


def _cancel_hold(command: CancelHold, payment: Payment, ledger: Ledger) -> Next:
    """What an intent still holds is let go, what it took is given back; told from its movements, for it may be a second
    intent of the payment, of which the payment itself knows nothing."""
    own = command.intent_id == payment.stripe_payment_intent_id
    if ledger.is_over(command.intent_id) or (own and payment.holds_nothing):
        return Settled(payment)
    return Call(Step.REFUND if ledger.money_of(command.intent_id).captured else Step.CANCEL)
