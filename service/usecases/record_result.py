"""Phase 4, record: the result of a call with the payment, events, lease and next step, in one transaction."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from runtime.logs import get_logger
from service.domain.commands.command import CommandType
from service.domain.errors import LeaseLostError, StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.intent_state import Observed
from service.domain.learning import Situation, revert_open
from service.domain.next_step import Call, Mode, Step
from service.domain.payment import Payment
from service.domain.progress import Progress, pause_before_next
from service.domain.step_results import apply, give_up, refuse
from service.domain.stripe_objects import Intent
from service.storage import leases, locked, looks
from service.storage.engine import Connection, after_commit
from service.storage.locked import Locked
from service.storage.prepared import run
from service.usecases.call import Known, NotDone, Passing
from service.usecases.claimed import Claim, Over
from service.usecases.commit_step import NextSteps
from service.usecases.holds import not_yet
from service.usecases.record import Recorder

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Results:
    """Records the results of calls. The claim's fencing token guards every write."""

    recorder: Recorder
    next_steps: NextSteps

    def write(self, connection: Connection, claim: Claim, outcome: Known | Passing) -> Claim | Over:
        """Record the result: a claim with the next call follows, or no more work on this command now.

        Raises LeaseLostError when another worker took the command over, or when it was answered meanwhile.
        """
        if claim.progress.command.own and isinstance(outcome, StripeRefusedError):
            outcome = not_yet(claim.payment.payment_id, outcome)
        if isinstance(outcome, StripeUnknownError | StripeBusyError):
            return self._put_off(connection, claim, outcome)
        found = locked.lock(connection, claim.payment.payment_id)
        if found is None or not any(_is_held(progress, claim) for progress in found.opened):
            raise LeaseLostError(claim.cause)
        return self._record(connection, claim, found, outcome)

    def _put_off(self, connection: Connection, claim: Claim, fault: Passing) -> Over:
        progress = claim.progress
        retry_after = fault.retry_after if isinstance(fault, StripeBusyError) else None
        wait = pause_before_next(progress.attempts, retry_after, random.random())  # noqa: S311
        spoiled = fault.stored and claim.call.mode is Mode.ACT
        mode = Mode.LOOK if spoiled else claim.call.mode
        after_commit(
            partial(
                log.warning,
                "command_put_off",
                step=claim.call.step,
                fault=str(fault),
                again_in_seconds=round(wait, 1),
                attempts=progress.attempts + 1,
            )
        )
        if progress.command.own:
            # The cause may be something that others did to the intent: a look reads all of it.
            run(connection, looks.looking(claim.payment.payment_id))
        leases.give_back(
            connection,
            claim.fence,
            timedelta(seconds=wait),
            recovery_point=Call(claim.call.step, mode).recovery_point,
            fault=str(fault)[:500],
        )
        return Over()

    def _record(self, connection: Connection, claim: Claim, found: Locked, outcome: Known) -> Claim | Over:
        payment, opened, now, ledger = found
        if isinstance(outcome, NotDone) and claim.call.mode is Mode.LOOK:
            return self.next_steps.again_under_new_key(connection, claim, payment, now)
        claim = replace(claim, seen=outcome if isinstance(outcome, Intent) else None)
        situation = self._situation(claim, found)
        observed = _judge(claim, payment, outcome, situation)
        after = self.recorder.record(connection, payment, observed, claim.cause, now=now, fence=claim.fence)
        more = len(opened) > 1
        if any(answer.key == claim.fence.key for answer in observed.answers):
            return self.next_steps.ended(connection, claim, more=more)
        following = self.next_steps.plan(claim.progress, after, ledger.with_movements(observed.movements), now)
        return self.next_steps.go_on(connection, claim, after, following, now=now, more=more)

    def _situation(self, claim: Claim, found: Locked) -> Situation:
        step, found_by = claim.call.step, claim.progress.command.type
        explains = partial(self.recorder.published.explains, claim.payment.payment_id, found_by=found_by)
        reverted_later = explains(CommandType.REVERT)
        return Situation(
            found.now,
            revert_open(found.opened),
            found.ledger.keys,
            captures=step is Step.CAPTURE or explains(CommandType.RELEASE),
            cancels=step is Step.CANCEL or reverted_later,
            reverted_later=reverted_later,
        )


def _judge(claim: Claim, payment: Payment, outcome: Known, situation: Situation) -> Observed:
    command, step = claim.progress.command, claim.call.step
    if isinstance(outcome, NotDone):
        return give_up(command, payment, step)
    if isinstance(outcome, StripeRefusedError):
        return refuse(command, payment, outcome)
    return apply(command, payment, outcome, situation)


def _is_held(progress: Progress, claim: Claim) -> bool:
    return progress.lease_token == claim.token
