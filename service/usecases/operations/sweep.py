"""Reconciliation on demand: run a payment's open commands, then compare the payment with Stripe."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from runtime.plurals import number_of
from service.domain.commands.command import CommandKey
from service.domain.operator_acts import Act, Grounds
from service.storage import locked, operator_actions, operator_reads, operator_sessions, payments
from service.storage.engine import Engine, transaction
from service.usecases.claim import Claims
from service.usecases.operations.holders import LockedError, naming_the_locker
from service.usecases.reconcile import Finding, Reconciler
from service.usecases.run_command import Runner

_SEEN_AGAIN = {"agrees": "repaired", "busy": "busy"}
"""The result of a repair, by the result of the look after it. Any other result of that look makes it undecided."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """An operator's reconciliation, payment by payment."""

    engine: Engine
    claims: Claims
    runner: Runner
    reconciler: Reconciler
    grounds: Grounds | None = None
    """Who reconciles, and why: kept with each payment that changes. Without it nothing is kept."""

    def candidates(self, since: datetime | None = None, *, every: bool = False) -> list[UUID]:
        """Payments that are not settled; with ``since`` (UTC) those that changed from then on; or all of them."""
        with transaction(self.engine) as connection:
            return payments.to_reconcile(connection, since, every=every)

    def examine(self, payment_id: UUID, *, dry_run: bool) -> Finding:
        """Run the payment's open commands, then compare it. Raises LookupError when there is no such payment.

        The result is "repaired" only when a second look agrees, because the repair may have opened a command that is
        not done yet. It is "busy" for a payment whose row another transaction holds.
        """
        lockers = partial(operator_sessions.lockers, payment_id=payment_id)
        try:
            with naming_the_locker(self.engine, f"payment {payment_id}", lockers):
                return self._examined(payment_id, dry_run=dry_run)
        except LockedError as error:
            with transaction(self.engine) as connection:
                (found,) = operator_reads.payments_called(connection, str(payment_id))
            return Finding(str(payment_id), found["status"], None, "busy", str(error))

    def _examined(self, payment_id: UUID, *, dry_run: bool) -> Finding:
        before = self._open(payment_id)
        if dry_run:
            return self._with_commands(self.reconciler.examine(payment_id, dry_run=True), before, before)
        self._run(payment_id, before)
        finding = self.reconciler.examine(payment_id, act=self._act(payment_id))
        if finding.result == "repaired":
            self._run(payment_id, self._open(payment_id))
            again = self.reconciler.examine(payment_id, dry_run=True)
            finding = replace(again, result=_SEEN_AGAIN.get(again.result, "undecided"), detail=finding.detail)
        return self._with_commands(finding, before, self._open(payment_id))

    def _with_commands(self, finding: Finding, before: list[CommandKey], after: list[CommandKey]) -> Finding:
        ended = len([key for key in before if key not in after])
        done = f"{number_of(ended, 'command')} ended" if ended else ""
        left = f"{number_of(len(after), 'command')} open" if after else ""
        detail = "; ".join(part for part in (finding.detail, done, left) if part)
        result = "repaired" if done and finding.result == "agrees" else finding.result
        return replace(finding, result=result, detail=detail)

    def _run(self, payment_id: UUID, keys: list[CommandKey]) -> None:
        for key in keys:
            self.runner.run(self.claims.one(payment_id, key))
        ended = [f"{key.command_type} {key.correlation_id}" for key in set(keys) - set(self._open(payment_id))]
        act = self._act(payment_id)
        if ended and act is not None:
            # Each command was ended in a transaction of its own, by the same means as a consumer's.
            with transaction(self.engine) as connection:
                operator_actions.record(connection, replace(act, detail={"ended": sorted(ended)}))

    def _act(self, payment_id: UUID) -> Act | None:
        return None if self.grounds is None else self.grounds.act("payment.reconcile", payment_id=payment_id)

    def _open(self, payment_id: UUID) -> list[CommandKey]:
        with transaction(self.engine) as connection:
            found = locked.lock(connection, payment_id)
            return [] if found is None else [progress.command.key for progress in found.opened]
