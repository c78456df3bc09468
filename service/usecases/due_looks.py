"""Looks that are due: one comparison with Stripe for all events about a payment's money that wait for it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from runtime.logs import get_logger
from service.domain.event_proofs import are_known
from service.domain.ledger import MovementKind, Proof
from service.storage import locked, looks
from service.storage.engine import Connection, Engine, in_transaction, transaction
from service.usecases.reconcile import Reconciler

log = get_logger(__name__)

BUSY_PAUSE = timedelta(seconds=5)
"""Delay before the next look at a payment on which a command was at work."""


@dataclass(frozen=True, slots=True)
class DueLooks:
    """Finds and makes looks. Any consumer may take up any of them, and two at once change nothing twice.

    ``pause``: a look that was taken is due again after this time, because its process may have died.
    """

    engine: Engine
    reconciler: Reconciler
    pause: timedelta

    def take(self, limit: int) -> list[UUID]:
        """At most ``limit`` payments whose look is due. Raises the database's error."""
        with transaction(self.engine) as connection:
            return looks.take(connection, limit, self.pause)

    def look(self, payment_id: UUID) -> None:
        """Compare one payment with Stripe, unless its ledger has all that events report. A failed look is due again.

        Raises the database's error.
        """
        waiting = in_transaction(self.engine, lambda connection: self._waiting(connection, payment_id))
        if waiting is None:
            return
        named = {proof for proofs in waiting.values() for kind, proof in proofs if kind == MovementKind.TRANSFER}
        finding = self.reconciler.examine(payment_id, named=named)
        if finding.result not in {"agrees", "repaired"}:
            log.warning("payment_not_compared", **finding.as_json())
        with transaction(self.engine) as connection:
            if finding.result in {"agrees", "repaired"}:
                looks.settle(connection, payment_id, list(waiting))
            elif finding.result == "busy":
                looks.put_off(connection, payment_id, BUSY_PAUSE)

    def _waiting(self, connection: Connection, payment_id: UUID) -> dict[str, list[Proof]] | None:
        """The events that wait for this look, with their movements; None where no look is needed any more."""
        found = locked.lock(connection, payment_id)
        if found is None:
            return None
        events = looks.waiting_events(connection, payment_id)
        if events and all(are_known(found.payment, found.ledger.keys, proofs) for proofs in events.values()):
            looks.settle(connection, payment_id, list(events))
            return None
        return events
