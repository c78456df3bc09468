"""Work that is due: commands that were put off or lost their process, looks, and held payments to be compared."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from runtime.logs import get_logger
from service.storage import schedule
from service.storage.availability import described, is_refused
from service.storage.engine import Engine, SQLAlchemyError, transaction
from service.storage.schedule import Due
from service.usecases.claim import Claims
from service.usecases.due_looks import DueLooks
from service.usecases.reconcile import Reconciler
from service.usecases.run_command import Runner

log = get_logger(__name__)

DUE_PAUSE = timedelta(seconds=5)
"""A due command that was handed out is not offered again for this long: it may wait in a queue, or its process died."""

REFUSED_PAUSE = timedelta(minutes=10)
"""Delay before a command is tried again whose outcome the database refuses to store: an operator has to act first."""


@dataclass(frozen=True, slots=True)
class DueCommand:
    """Work whose time has come; ``ordering_key`` keeps it apart from other work on its payment."""

    ordering_key: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Completion:
    """Finds work that is due. Any consumer may take up any of it: the lease decides which one goes on.

    ``reconcile_every``: time between two comparisons of a held payment with Stripe.
    """

    engine: Engine
    claims: Claims
    runner: Runner
    reconciler: Reconciler
    reconcile_every: timedelta
    due_looks: DueLooks

    def take(self, limit: int) -> list[DueCommand]:
        """At most ``limit`` pieces of work: commands first, then looks, then held payments.

        Raises the database's error.
        """
        with transaction(self.engine) as connection:
            found = schedule.due(connection, limit, DUE_PAUSE)
        ready = [DueCommand(str(due.payment_id), self._completion(due)) for due in found]
        if len(ready) < limit:
            for payment_id in self.due_looks.take(limit - len(ready)):
                ready.append(DueCommand(str(payment_id), partial(self.due_looks.look, payment_id)))
        held = self.reconciler.stale(limit - len(ready), self.reconcile_every) if len(ready) < limit else []
        return ready + [DueCommand(str(payment_id), self._comparison(payment_id)) for payment_id in held]

    def _completion(self, due: Due) -> Callable[[], None]:
        def complete() -> None:
            try:
                self.runner.run(self.claims.one(due.payment_id, due.key))
            except SQLAlchemyError as error:
                if not is_refused(error):
                    raise
                self._postpone(due, described(error))

        return complete

    def _postpone(self, due: Due, why: str) -> None:
        """Put the command off and log it. No failure is announced: the step may have had its effect at Stripe."""
        log.error(
            "outcome_not_storable",
            command_type=due.key.command_type,
            correlation_id=due.key.correlation_id,
            error=why,
        )
        with transaction(self.engine) as connection:
            schedule.postpone(connection, due.key, REFUSED_PAUSE, f"not storable: {why}")

    def _comparison(self, payment_id: UUID) -> Callable[[], None]:
        def compare() -> None:
            finding = self.reconciler.examine(payment_id)
            if finding.result != "agrees":
                log.warning("held_payment_differs", **finding.as_json())

        return compare
