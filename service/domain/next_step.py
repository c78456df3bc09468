"""The terms of a plan: the next step of a command, derived from the payment's facts alone.

A plan never plans a step that the facts show as done. So a command resumes after a crash as if it began anew, and a
second command whose effect exists already is answered at once.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from service.domain import events
from service.domain.commands.command import Keyed
from service.domain.errors import ErrorCode
from service.domain.events import Answer
from service.domain.payment import Failure, Payment


class Step(StrEnum):
    """The effects that a command may have at Stripe, each under an idempotency key of its own."""

    CREATE_INTENT = "create_intent"
    CAPTURE = "capture"
    TRANSFER = "transfer"
    CANCEL = "cancel"
    REVERSE = "reverse_transfer"
    REFUND = "refund"


REPEATABLE = frozenset({Step.CREATE_INTENT, Step.TRANSFER})
"""Steps that Stripe does a second time under another idempotency key."""


class Mode(StrEnum):
    """How a step is taken: do it; look, and do it if it is not done; or look, and give up if it is not done."""

    ACT = "act"
    LOOK = "look"
    LOOK_ONLY = "look_only"


@dataclass(frozen=True, slots=True)
class Call:
    """The next step is a call to Stripe."""

    step: Step
    mode: Mode = Mode.ACT

    @property
    def recovery_point(self) -> str:
        """The call as the command's row notes it: ``step:mode``."""
        return f"{self.step}:{self.mode}"


@dataclass(frozen=True, slots=True)
class Settled:
    """The command is answered. ``payment``: its state afterwards."""

    payment: Payment
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """No outcome yet: the customer, Stripe, a revert or time decides. The next look is due at ``until`` (UTC)."""

    until: datetime


Next = Call | Settled | Waiting


@dataclass(frozen=True, slots=True)
class Policy:
    """Settings that plans depend on."""

    revert_event_type: str
    look_again: timedelta
    action_deadline: timedelta
    look_first: bool = False
    """The database may have lost rows: a step that Stripe would do twice begins with a look."""

    def begun(self, step: Step) -> Call:
        """The first call of a step.

        Stripe refuses a second capture, cancellation, reversal or refund of the whole. A second hold or transfer it
        makes, once it has forgotten the idempotency key.
        """
        return Call(step, Mode.LOOK if self.look_first and step in REPEATABLE else Mode.ACT)


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of planning, and the time when the command was accepted (UTC)."""

    now: datetime
    received_at: datetime


def refuse(command: Keyed, payment: Payment, why: str) -> Settled:
    """The answer to a command that the payment's status does not allow."""
    failure = Failure(ErrorCode.INVALID_STATE, f"The payment is {payment.status}: {why}.")
    return Settled(payment, (events.failed(payment, command.key, failure),))


def fail_step(command: Keyed, payment: Payment, failure: Failure) -> Settled:
    """The answer to a release or revert whose step failed for good. The payment notes the failure, nothing else."""
    noted = replace(payment, failure=failure.as_json())
    return Settled(noted, (events.failed(noted, command.key, failure),))
