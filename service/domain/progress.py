"""The progress of a command: how its next step is taken after a fault or a crash, and which command goes first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from runtime.backoff import backoff
from service.domain.commands.catalog import StoredCommand
from service.domain.commands.command import CommandType
from service.domain.next_step import Call, Mode, Policy, Step

KEY_LIFETIME = timedelta(hours=23)
"""Age of a key that we still trust: Stripe may drop it after 24 h (Stripe API reference, "Idempotent requests")."""

LONGEST_BACKOFF = 60.0
_FIRST_BACKOFF = 0.5


class CommandState(StrEnum):
    """Pending: to be worked on. Waiting: for the customer, Stripe, a revert or time. Done: answered."""

    PENDING = "pending"
    WAITING = "waiting"
    DONE = "done"


class Rest(StrEnum):
    """The recovery point of a command while no step is under way; else it is that of a ``Call``."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    ANSWERED = "answered"


_STEPS = {step.value: step for step in Step}
_MODES = {mode.value: mode for mode in Mode}


@dataclass(frozen=True, slots=True)
class Progress:
    """The row of an open command. ``recovery_point`` is the text of a ``Rest`` or a ``Call``, or a later release's."""

    command: StoredCommand
    payment_id: UUID
    state: CommandState
    recovery_point: str
    key_generation: int
    attempts: int
    arrival: int
    received_at: datetime
    step_started_at: datetime | None
    leased: bool
    lease_token: UUID | None
    revert_event_type: str | None = None
    """A revert's type of success event, fixed when it was accepted; None for all others, and for older reverts."""
    reopened: int = 0
    """How often an operator has reopened the command. ``received_at`` is the time of the last one, if any."""
    traceparent: str | None = None
    """The trace context in which the command was accepted; None if it came without one."""

    @property
    def call(self) -> Call | None:
        """The call under way; None at rest, and for a step that only a later release knows.

        A mode that only a later release knows is taken for a look, which changes nothing.
        """
        step, _, mode = self.recovery_point.partition(":")
        return Call(_STEPS[step], _MODES.get(mode, Mode.LOOK)) if mode and step in _STEPS else None

    @property
    def step(self) -> Step | None:
        """The step under way."""
        call = self.call
        return None if call is None else call.step


class Ended(NamedTuple):
    """The facts of an ended command: its trace context, how often it was reopened, and its age in seconds."""

    traceparent: str | None
    reopened: int
    seconds: float


def resume(progress: Progress, call: Call, now: datetime, deadline: timedelta, policy: Policy) -> Call:
    """The planned call, with the mode that the command's history demands.

    A step that was begun may be done at Stripe already. Past the ``deadline`` only a look is made, except for the
    cancellations that the service itself decides on. Where the key tells nothing any more (a stored 5xx, or too old), a
    look comes before a new key.
    """
    begun = progress.call
    if begun is None or begun.step is not call.step or progress.step_started_at is None:
        if progress.reopened:
            # The step's key has an answer at Stripe already, a refusal perhaps: a look comes before a new key.
            return Call(call.step, Mode.LOOK)
        return policy.begun(call.step) if call.mode is Mode.ACT else call
    if _ends_at_deadline(progress.command, call.step) and now - progress.received_at > deadline:
        return Call(call.step, Mode.LOOK_ONLY)
    if begun.mode is Mode.LOOK or now - progress.step_started_at > KEY_LIFETIME:
        return Call(call.step, Mode.LOOK)
    return call


def _ends_at_deadline(command: StoredCommand, step: Step) -> bool:
    if command.type is CommandType.AUTHORIZE:
        return step is Step.CREATE_INTENT
    return not command.own


def pause_before_next(attempts: int, retry_after: float | None, spread: float) -> float:
    """Seconds until the next attempt: doubling with ``attempts``, at most a minute, spread by a number in 0…1.

    ``retry_after``: the seconds that Stripe asked for, if it did; they count instead, plus ``spread``.
    """
    if retry_after is not None:
        return retry_after + spread
    return backoff(attempts + 1, first=_FIRST_BACKOFF, longest=LONGEST_BACKOFF, spread=spread)


def is_blocked(me: Progress, others: list[Progress]) -> bool:
    """Whether an earlier command of the payment has to end first, or another one holds the lease.

    A waiting authorize gives way to every command of a caller. The service's own blocks others only while it is leased.
    """
    if me.state == CommandState.WAITING:
        return any(other.leased or not other.command.own for other in others)
    return any(other.leased or _goes_first(other, me) for other in others)


def _goes_first(other: Progress, me: Progress) -> bool:
    has_priority = other.state == CommandState.PENDING and not other.command.own
    return has_priority and other.arrival < me.arrival
