"""Running a command: begin, call, record. No transaction is open while Stripe thinks."""

import random
from dataclasses import dataclass, replace
from datetime import timedelta

from runtime.logs import get_logger
from service.domain.commands.cancel_hold import CancelHold
from service.domain.errors import LeaseLostError, StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.intent_state import Observed
from service.domain.learning import Situation
from service.domain.next_step import Call, Mode, Step
from service.domain.payment import Payment
from service.domain.ports import PaymentGateway
from service.domain.progress import Progress, backoff
from service.domain.step_results import apply, give_up, refuse
from service.domain.stripe_objects import Intent, Picture, StepResult
from service.storage import leases, locked, looks
from service.storage.engine import Connection, Engine, in_transaction
from service.storage.locked import Locked
from service.storage.prepared import run
from service.usecases.call import Attempt, act, look
from service.usecases.claim import Claim, Claims, Over
from service.usecases.holds import not_yet
from service.usecases.lease_keeper import LeaseKeeper
from service.usecases.record import Recorder
from service.usecases.situations import revert_open
from service.usecases.step_points import Stage, reached_in

log = get_logger(__name__)

MOST_CALLS = 12
"""No command needs as many calls: one that does makes no progress, and is put off like a passing fault."""

LOCK_TRIES = 4
"""What Stripe has answered is worth a second of waiting for the payment's row: without it the step is asked about
again, once the lease has run out."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """A look has shown that the step does not stand."""


Passing = StripeUnknownError | StripeBusyError
Known = StepResult | Picture | NotDone | StripeRefusedError


class Runner:
    """Takes a leased command through its steps, as far as they go now."""

    def __init__(
        self, engine: Engine, gateway: PaymentGateway, *, recorder: Recorder, leases: LeaseKeeper, claims: Claims
    ) -> None:
        self._engine = engine
        self._gateway = gateway
        self._recorder = recorder
        self._leases = leases
        self._claims = claims

    def run(self, following: Claim | Over) -> None:
        """Work until the command is answered, waits or meets a passing fault; then its payment's next one."""
        while True:
            if isinstance(following, Claim):
                following = self._run_one(following)
            elif following.next_of is not None:
                following = self._claims.next_of(following.next_of)
            else:
                return

    def _run_one(self, claim: Claim) -> Over:
        try:
            with self._leases.holding(claim.token):
                following: Claim | Over = claim
                while isinstance(following, Claim):
                    following = self._step(following)
        except LeaseLostError as exc:
            log.info("lease lost: answered or taken over meanwhile", command=str(exc))
            return Over()
        return following

    def _step(self, claim: Claim) -> Claim | Over:
        step = claim.call.step
        reached_in(step, Stage.BEFORE_CALL)
        outcome = self._perform(claim)
        reached_in(step, Stage.AFTER_CALL)

        def record(connection: Connection) -> Claim | Over:
            following = self._write(connection, claim, outcome)
            reached_in(step, Stage.BEFORE_COMMIT)
            return following

        following = in_transaction(self._engine, record, lock_tries=LOCK_TRIES)
        reached_in(step, Stage.AFTER_COMMIT)
        return following

    def _write(self, connection: Connection, claim: Claim, outcome: Known | Passing) -> Claim | Over:
        if isinstance(claim.progress.command, CancelHold) and isinstance(outcome, StripeRefusedError):
            outcome = not_yet(claim.payment.payment_id, outcome)
        if isinstance(outcome, StripeUnknownError | StripeBusyError):
            return self._put_off(connection, claim, outcome)
        found = locked.lock(connection, claim.payment.payment_id)
        if found is None or not any(_is_held(progress, claim) for progress in found.opened):
            raise LeaseLostError(claim.cause)
        return self._record(connection, claim, found, outcome)

    def _perform(self, claim: Claim) -> Known | Passing:
        if claim.calls > MOST_CALLS:
            return StripeUnknownError("no progress: the same steps come back")
        attempt = claim.attempt
        try:
            if claim.call.mode is not Mode.ACT:
                found = look(self._gateway, attempt)
                return NotDone() if found is None else found
            try:
                return act(self._gateway, attempt)
            except StripeRefusedError as refusal:
                return self._look_behind(attempt, refusal)
        except (StripeRefusedError, StripeUnknownError, StripeBusyError) as answer:
            return answer

    def _look_behind(self, attempt: Attempt, refusal: StripeRefusedError) -> Known:
        """A refusal may only mean that the effect stands already: done in the Dashboard, or by a dead process."""
        if refusal.kind == "card_error":
            return refusal
        found = look(self._gateway, attempt)
        return refusal if found is None else found

    def _put_off(self, connection: Connection, claim: Claim, fault: Passing) -> Over:
        progress = claim.progress
        retry_after = fault.retry_after if isinstance(fault, StripeBusyError) else None
        wait = backoff(progress.attempts, retry_after, random.random())  # noqa: S311
        spoiled = fault.stored and claim.call.mode is Mode.ACT
        mode = Mode.LOOK if spoiled else claim.call.mode
        log.warning("no answer from Stripe", step=claim.call.step, fault=str(fault), again_in_seconds=round(wait, 1))
        if isinstance(progress.command, CancelHold):
            # What others did to the same intent may be in the way: a look reads all of it.
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
            return self._claims.again_under_new_key(connection, claim, payment, now)
        claim = replace(claim, seen=outcome if isinstance(outcome, Intent) else None)
        step = claim.call.step
        situation = Situation(
            now, revert_open(opened), ledger.keys, captures=step is Step.CAPTURE, cancels=step is Step.CANCEL
        )
        observed = _judge(claim, payment, outcome, situation)
        after = self._recorder.record(connection, payment, observed, claim.cause, now=now, fence=claim.fence)
        more = len(opened) > 1
        if any(answer.key == claim.fence.key for answer in observed.answers):
            return self._claims.ended(connection, claim, more=more)
        following = self._claims.plan(claim.progress, after, ledger.with_movements(observed.movements), now)
        return self._claims.go_on(connection, claim, after, following, now=now, more=more)


def _judge(claim: Claim, payment: Payment, outcome: Known, situation: Situation) -> Observed:
    command, step = claim.progress.command, claim.call.step
    if isinstance(outcome, NotDone):
        return give_up(command, payment, step)
    if isinstance(outcome, StripeRefusedError):
        return refuse(command, payment, outcome)
    return apply(command, payment, outcome, situation)


def _is_held(progress: Progress, claim: Claim) -> bool:
    return progress.lease_token == claim.token
