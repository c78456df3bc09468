"""The next step of a claimed command: planned from the payment's facts, and committed before it is begun."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from service.domain.commands.catalog import plan
from service.domain.commands.revert import Revert
from service.domain.intent_state import Observed
from service.domain.ledger import Ledger
from service.domain.next_step import Call, Clock, Mode, Next, Policy, Settled, Waiting
from service.domain.payment import Payment
from service.domain.progress import CommandState, Progress, Rest, resume
from service.storage import leases, schedule
from service.storage.engine import Connection, after_commit
from service.usecases import telemetry
from service.usecases.claimed import Claim, Over
from service.usecases.record import Recorder


@dataclass(frozen=True, slots=True)
class NextSteps:
    """Plans and commits steps. ``deadline``: the age of a command after which a look at Stripe settles it."""

    recorder: Recorder
    policy: Policy
    deadline: timedelta

    def plan(self, progress: Progress, payment: Payment, ledger: Ledger, now: datetime) -> Next:
        """The command's next call, wait or answer, with regard to its history. ``now`` by the database's clock."""
        kept = progress.revert_event_type
        policy = self.policy if kept is None else replace(self.policy, revert_event_type=kept)
        following = plan(progress.command, payment, policy, Clock(now, progress.received_at), ledger)
        if not isinstance(following, Call):
            return following
        if self.recorder.published.has_answered(progress.command.key):
            return Call(following.step, Mode.LOOK_ONLY)
        return resume(progress, following, now, self.deadline, policy)

    def go_on(
        self, connection: Connection, claim: Claim, payment: Payment, following: Next, *, now: datetime, more: bool
    ) -> Claim | Over:
        """Commit the next call, the wait, or the answer.

        Raises LeaseLostError when the claim's fencing token no longer holds.
        """
        match following:
            case Call():
                return self._commit_call(connection, claim, payment, following, now)
            case Waiting():
                rest = {"lease_token": None, "lease_expires_at": None, "next_attempt_at": following.until}
                leases.update_fenced(
                    connection, claim.fence, state=CommandState.WAITING, recovery_point=Rest.WAITING, **rest
                )
                return Over(payment.payment_id if more else None)
            case Settled():
                observed = Observed(following.payment, following.answers)
                self.recorder.record(connection, payment, observed, claim.cause, now=now, fence=claim.fence)
                if not any(answer.key == claim.fence.key for answer in following.answers):
                    finished = leases.finish(connection, claim.fence.key, None, claim.fence)
                    after_commit(partial(telemetry.ended, finished.seconds))
                return self.ended(connection, claim, more=more)

    def ended(self, connection: Connection, claim: Claim, *, more: bool) -> Over:
        """The command is answered. After a revert, an authorize that had to wait for it becomes due at once."""
        if isinstance(claim.progress.command, Revert) and more:
            schedule.hasten(connection, claim.payment.payment_id)
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
        return replace(claim, progress=progress, payment=payment, call=call, calls=claim.calls + 1, requests=())

    def again_under_new_key(self, connection: Connection, claim: Claim, payment: Payment, now: datetime) -> Claim:
        """Do the step under the next key generation: a look has shown that the old key did not do it.

        Raises LeaseLostError when the claim's fencing token no longer holds.
        """
        generation = claim.progress.key_generation + 1
        leases.update_fenced(connection, claim.fence, key_generation=generation)
        progress = replace(claim.progress, key_generation=generation, step_started_at=None)
        renewed = replace(claim, progress=progress, requests=())
        return self._commit_call(connection, renewed, payment, Call(claim.call.step), now)
