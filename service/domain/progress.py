"""How far a command has come, and how its next step is to be gone about after a fault or a crash."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from runtime.backoff import backoff
from service.domain.commands.catalog import StoredCommand
from service.domain.commands.command import CommandType
from service.domain.next_step import Call, Mode, Policy, Step

KEY_LIFETIME = timedelta(hours=23)
"""Stripe may drop a key after 24 h (Stripe API reference, "Idempotent requests"); we stop trusting it before."""

LONGEST_BACKOFF = 60.0
_FIRST_BACKOFF = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """The idempotency row of an open command. ``recovery_point`` is ``step:mode``, or a word where no step runs."""

    command: StoredCommand
    payment_id: UUID
    state: str
    recovery_point: str
    key_generation: int
    attempts: int
    arrival: int
    received_at: datetime
    step_started_at: datetime | None
    leased: bool
    lease_token: UUID | None
    revert_event_type: str | None = None
    """What its success is called, if it is a revert; None for one that was accepted before that was kept."""

    @property
    def step(self) -> str:
        """The step under way, or the word that says why there is none."""
        return self.recovery_point.partition(":")[0]

    @property
    def mode(self) -> str:
        """The mode of the step under way."""
        return self.recovery_point.partition(":")[2]


def resume(progress: Progress, call: Call, now: datetime, deadline: timedelta, policy: Policy) -> Call:
    """The planned call, gone about as the command's history demands.

    A step that was begun may stand at Stripe already: past the deadline it is only looked for; where its key says
    nothing any more (a stored 5xx, or too old) it is looked for before a new key is used.
    """
    if progress.step != call.step or progress.step_started_at is None:
        return policy.begun(call.step) if call.mode is Mode.ACT else call
    if _ends_at_deadline(progress.command.type, call.step) and now - progress.received_at > deadline:
        return Call(call.step, Mode.LOOK_ONLY)
    if progress.mode == Mode.LOOK or now - progress.step_started_at > KEY_LIFETIME:
        return Call(call.step, Mode.LOOK)
    return call


def _ends_at_deadline(command_type: CommandType, step: Step) -> bool:
    if command_type is CommandType.AUTHORIZE:
        return step is Step.CREATE_INTENT
    return command_type is not CommandType.CANCEL_HOLD


def pause_before_next(attempts: int, retry_after: float | None, spread: float) -> float:
    """Seconds until the next attempt: as Stripe says, else doubling up to a minute; spread by a number in 0…1."""
    if retry_after is not None:
        return retry_after + spread
    return backoff(attempts + 1, first=_FIRST_BACKOFF, longest=LONGEST_BACKOFF, spread=spread)


def is_blocked(me: Progress, others: list[Progress]) -> bool:
    """Whether an earlier command of the payment has to end first, or any holds the lease.

    A waiting authorize gives way to everything; a hold being canceled keeps nobody waiting but while it runs.
    """
    if me.state == "waiting":
        return any(other.command.type is not CommandType.CANCEL_HOLD or other.leased for other in others)
    return any(other.leased or _goes_first(other, me) for other in others)


def _goes_first(other: Progress, me: Progress) -> bool:
    holds_turn = other.state == "pending" and other.command.type is not CommandType.CANCEL_HOLD
    return holds_turn and other.arrival < me.arrival
