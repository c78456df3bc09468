"""Reconciling on demand: a payment's open commands are taken up, then the payment is compared with Stripe."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from service.storage import locked, payments
from service.storage.commands import Key, key_of
from service.storage.engine import Engine, transaction
from service.usecases.claims import Claims
from service.usecases.reconcile import Finding, Reconciler
from service.usecases.runner import Runner


@dataclass(frozen=True, slots=True)
class Sweep:
    """What an operator's reconcile does, payment by payment."""

    engine: Engine
    claims: Claims
    runner: Runner
    reconciler: Reconciler

    def candidates(self, since: datetime | None) -> list[UUID]:
        """Payments that are not settled; with ``since`` (UTC) every payment changed from then on."""
        with transaction(self.engine) as connection:
            return payments.to_reconcile(connection, since)

    def examine(self, payment_id: UUID, *, dry_run: bool) -> Finding:
        """Take up the payment's open commands, then compare it. Raises LookupError when there is no such payment."""
        before = self._open(payment_id)
        if not dry_run:
            for key in before:
                self.runner.run(self.claims.one(payment_id, key))
        finding = self.reconciler.examine(payment_id, dry_run=dry_run)
        after = self._open(payment_id)
        told = f"{len(before) - len(after)} command(s) ended" if len(after) < len(before) else ""
        left = f"{len(after)} command(s) open" if after else ""
        detail = "; ".join(part for part in (finding.detail, told, left) if part)
        result = "repaired" if told and finding.result == "agrees" else finding.result
        return replace(finding, result=result, detail=detail)

    def _open(self, payment_id: UUID) -> list[Key]:
        with transaction(self.engine) as connection:
            found = locked.lock(connection, payment_id)
            return [] if found is None else [key_of(progress.command) for progress in found.opened]
