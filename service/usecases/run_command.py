"""The loop that runs a command: call Stripe, record the result, go on. No transaction is open during a call.

Every step at Stripe has crash points around it, by step and stage. The table has every member of Step. A step without
crash points breaks the import of this module, so no step goes without its crash tests.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from runtime import tracing
from runtime.crash_points import reached
from runtime.logs import get_logger
from service.crash_points import CrashPoint
from service.domain.errors import LeaseLostError, StripeUnknownError
from service.domain.next_step import Step
from service.domain.ports import PaymentGateway
from service.domain.stripe_requests import Note, StripeRequest
from service.storage import leases
from service.storage.engine import Connection, Engine, in_transaction
from service.usecases import telemetry
from service.usecases.call import Known, Passing, perform
from service.usecases.claim import Claims
from service.usecases.claimed import Claim, Over
from service.usecases.lease_keeper import LeaseKeeper
from service.usecases.record_result import Results

log = get_logger(__name__)

MOST_CALLS = 12
"""Calls of one command in one run. No command needs more: one that does makes no progress, and is put off."""

LOCK_TRIES = 4
"""Tries to lock the payment's row and record Stripe's answer. Without the record, the same step comes up again once the
lease has expired."""


class Stage(StrEnum):
    """Stages of a step at which a test may kill the process."""

    BEFORE_CALL = "before_call"
    AFTER_CALL = "after_call"
    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"


STEP_POINTS = {(step, stage): CrashPoint(f"{step}.{stage}") for step in Step for stage in Stage}


def reached_in(step: Step, stage: Stage) -> None:
    """Announce that this step has reached this stage; a test may kill the process here."""
    reached(STEP_POINTS[step, stage])


@dataclass(frozen=True, slots=True)
class Runner:
    """Takes a leased command through its steps, as far as it can go now."""

    engine: Engine
    gateway: PaymentGateway
    results: Results
    leases: LeaseKeeper
    claims: Claims

    def run(self, following: Claim | Over) -> None:
        """Work until the command is answered, waits, or meets a passing fault; then run the payment's next command.

        Raises the database's error.
        """
        while True:
            if isinstance(following, Claim):
                following = self._run_one(following)
            elif following.next_of is not None:
                following = self.claims.next_of(following.next_of)
            else:
                return

    def _run_one(self, claim: Claim) -> Over:
        progress = claim.progress
        with tracing.span(f"run {progress.command.type}", parent=progress.traceparent):
            telemetry.begin(progress.command.key, claim.payment, progress.traceparent)
            try:
                with self.leases.holding(claim.token):
                    following: Claim | Over = claim
                    while isinstance(following, Claim):
                        following = self._step(following)
            except LeaseLostError as exc:
                log.info("lease_lost", why=str(exc))
                return Over()
            return following

    def _step(self, claim: Claim) -> Claim | Over:
        step, requests = claim.call.step, list[StripeRequest]()
        reached_in(step, Stage.BEFORE_CALL)
        with tracing.span(f"{claim.call.mode} {step}"):
            outcome = self._perform(claim, requests.append)
        reached_in(step, Stage.AFTER_CALL)
        called = replace(claim, requests=tuple(requests))

        def record(connection: Connection) -> Claim | Over:
            following = self.results.write(connection, called, outcome)
            reached_in(step, Stage.BEFORE_COMMIT)
            return following

        with tracing.span("record", tracing.SpanKind.CLIENT, attributes=tracing.DATABASE):
            try:
                following = in_transaction(self.engine, record, lock_tries=LOCK_TRIES)
            except LeaseLostError:
                in_transaction(self.engine, lambda connection: leases.note(connection, called.fence))
                raise
        reached_in(step, Stage.AFTER_COMMIT)
        return following

    def _perform(self, claim: Claim, note: Note) -> Known | Passing:
        if claim.calls > MOST_CALLS:
            return StripeUnknownError("no progress: the same steps come back")
        return perform(self.gateway.noting(note), claim.attempt, claim.call.mode)
