"""What comes next for a command, told from the payment's facts alone.

Because a plan reads only facts, resuming after a crash and answering a second command whose effect already
stands are the same thing: the steps that stand are simply not planned again.
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


def refuse(command: Keyed, payment: Payment, why: str) -> Settled:
    """The answer to a command that this state of the payment does not allow."""
    failure = Failure(ErrorCode.INVALID_STATE, f"The payment is {payment.status}: {why}.")
    return Settled(payment, (events.failed(payment, command.key, failure),))


def fail_step(command: Keyed, payment: Payment, failure: Failure) -> Settled:
    """A step of a release or revert was refused for good: told, and noted on the payment; nothing else changes."""
    noted = replace(payment, failure=failure.as_json())
    return Settled(noted, (events.failed(noted, command.key, failure),))
