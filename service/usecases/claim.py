"""Claiming a command: the lease that lets one worker, and no other, go on with its payment."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from service.domain.commands.catalog import plan
from service.domain.commands.command import CommandKey
from service.domain.commands.revert import Revert
from service.domain.intent_state import Observed
from service.domain.ledger import Ledger
from service.domain.next_step import Call, Clock, Mode, Next, Policy, Settled, Step, Waiting
from service.domain.payment import Payment
from service.domain.progress import Progress, is_blocked, resume
from service.domain.stripe_objects import Intent
from service.storage import leases, locked
from service.storage.engine import Connection, Engine, in_transaction
from service.storage.leases import Fence
from service.storage.locked import Locked
from service.usecases.call import Attempt
from service.usecases.record import Recorder
from service.usecases.situations import revert_open

BLOCKED_PAUSE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Claim:
    """A command under our lease, and the call that is committed to be made. ``calls`` counts those made so far."""

    progress: Progress
    payment: Payment
    token: UUID
    call: Call
    calls: int = 0
    seen: Intent | None = None
    """The intent as the last call of this run has shown it."""

    @property
    def fence(self) -> Fence:
        """What guards every write that follows."""
        return Fence(self.progress.command.key, self.token)

    @property
    def cause(self) -> str:
        """The command as a transition's cause."""
        return f"{self.progress.command.type} {self.progress.command.correlation_id}"

    @property
    def attempt(self) -> Attempt:
        """The call as the gateway sees it."""
        at = self.progress
        return Attempt(at.command, self.payment, self.call.step, at.key_generation, at.received_at, self.seen)


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing to do now for this command; ``next_of`` is its payment when another of it may go on."""

    next_of: UUID | None = None


class Claims:
    """Leases commands and commits what comes next for them."""

    def __init__(
        self, engine: Engine, recorder: Recorder, *, lease: timedelta, policy: Policy, deadline: timedelta
    ) -> None:
        self._engine = engine
        self._recorder = recorder
        self._lease = lease
        self._policy = policy
        self._deadline = deadline

    def next_of(self, payment_id: UUID) -> Claim | Over:
        """Lease the payment's first command that waits for its turn, if any may run."""
        return in_transaction(self._engine, lambda connection: self.within(connection, payment_id, None))

    def one(self, payment_id: UUID, key: CommandKey) -> Claim | Over:
        """Lease one command if it may run; one that is blocked is put off."""
        return in_transaction(self._engine, lambda connection: self.within(connection, payment_id, key))

    def within(self, connection: Connection, payment_id: UUID, key: CommandKey | None) -> Claim | Over:
        """The same in the caller's transaction."""
        found = locked.lock(connection, payment_id)
        if found is None:
            return Over()
        for me in found.opened:
            wanted = _awaits_turn(me) if key is None else me.command.key == key
            if not wanted or me.leased:
                continue
            if not is_blocked(me, [other for other in found.opened if other is not me]):
                return self._take(connection, found, me)
            leases.put_off(connection, me.command.key, BLOCKED_PAUSE)
        return Over()

    def _take(self, connection: Connection, found: Locked, me: Progress) -> Claim | Over:
        (payment, opened, now, ledger), token = found, uuid4()
        if any(other.lease_token is not None for other in opened if other is not me):
            leases.void_dead_leases(connection, payment.payment_id)
        leases.take_lease(connection, me.command.key, token, self._lease)
        claim = Claim(me, payment, token, Call(Step.CREATE_INTENT, Mode.LOOK))
        looks = _looks_first(me, payment) and not revert_open(opened)
        following = claim.call if looks else self.plan(me, payment, ledger, now)
        return self.go_on(connection, claim, payment, following, now=now, more=len(opened) > 1)

    def begun(self, step: Step) -> Call:
        """How a step that was not begun before is gone about."""
        return self._policy.begun(step)

    def plan(self, progress: Progress, payment: Payment, ledger: Ledger, now: datetime) -> Next:
        """What comes next for a command, its history weighed. ``now`` by the database's clock, as what is stored."""
        kept = progress.revert_event_type
        policy = self._policy if kept is None else replace(self._policy, revert_event_type=kept)
        following = plan(progress.command, payment, policy, Clock(now, progress.received_at), ledger)
        return resume(progress, following, now, self._deadline, policy) if isinstance(following, Call) else following

    def go_on(
        self, connection: Connection, claim: Claim, payment: Payment, following: Next, *, now: datetime, more: bool
    ) -> Claim | Over:
        """Commit what comes next: the call to be made, the wait, or the answer. Raises LeaseLostError."""
        match following:
            case Call():
                return self._commit_call(connection, claim, payment, following, now)
            case Waiting():
                rest = {"lease_token": None, "lease_expires_at": None, "next_attempt_at": following.until}
                leases.update_fenced(connection, claim.fence, state="waiting", recovery_point="waiting", **rest)
                return Over(payment.payment_id if more else None)
            case Settled():
                observed = Observed(following.payment, following.answers)
                self._recorder.record(connection, payment, observed, claim.cause, now=now, fence=claim.fence)
                if not any(answer.key == claim.fence.key for answer in following.answers):
                    leases.finish(connection, claim.fence.key, None, claim.token)
                return self.ended(connection, claim, more=more)

    def ended(self, connection: Connection, claim: Claim, *, more: bool) -> Over:
        """The command is answered; an authorise that gave way to a revert is looked at now."""
        if isinstance(claim.progress.command, Revert) and more:
            leases.hasten(connection, claim.payment.payment_id)
        return Over(claim.payment.payment_id if more else None)

    def _commit_call(self, connection: Connection, claim: Claim, payment: Payment, call: Call, now: datetime) -> Claim:
        progress = replace(claim.progress, recovery_point=call.recovery_point)
        changed: dict[str, Any] = {"recovery_point": progress.recovery_point}
        if claim.progress.step != call.step or progress.step_started_at is None:
            progress = replace(progress, step_started_at=now)
            changed["step_started_at"] = progress.step_started_at
        if claim.progress.step != call.step:
            progress = replace(progress, attempts=0)
            changed["attempts"] = 0
        if progress.key_generation != claim.progress.key_generation:
            changed["key_generation"] = progress.key_generation
        leases.update_fenced(connection, claim.fence, **changed)
        return replace(claim, progress=progress, payment=payment, call=call, calls=claim.calls + 1)

    def again_under_new_key(self, connection: Connection, claim: Claim, payment: Payment, now: datetime) -> Claim:
        """A look has shown that the step was not done, and its old key says nothing any more."""
        generation = claim.progress.key_generation + 1
        leases.update_fenced(connection, claim.fence, key_generation=generation)
        renewed = replace(claim, progress=replace(claim.progress, key_generation=generation, step_started_at=None))
        return self._commit_call(connection, renewed, payment, Call(claim.call.step), now)


def _looks_first(me: Progress, payment: Payment) -> bool:
    """Whether an authorise whose intent is known is taken up again: Stripe is asked before it waits (again)."""
    begun = me.state == "waiting" or me.step == Step.CREATE_INTENT
    return begun and payment.stripe_payment_intent_id is not None


def _awaits_turn(progress: Progress) -> bool:
    """Pending and never begun: what has met a fault waits for its own time."""
    return progress.state == "pending" and progress.attempts == 0
