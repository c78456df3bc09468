"""Holds that must go: of payments that were told failed or reverted, and of second intents.

A hold is worked on until a look shows that it is gone (``CancelHold``; its plan is in ``domain/plans.py``). Number and
age are counted for metrics, so that money kept by mistake is seen while it is young.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from prometheus_client import Gauge

from runtime.logs import get_logger
from service.domain.errors import StripeBusyError, StripeRefusedError
from service.domain.intent_state import DISPUTED_CODES
from service.storage import commands
from service.storage.engine import Engine, transaction

_log = get_logger(__name__)
_HOLDS = Gauge("payment_holds_to_cancel", "Holds of failed or reverted payments that are not known to be gone")
_OLDEST = Gauge("payment_holds_to_cancel_oldest_seconds", "Age of the oldest of these holds; 0 without one")

EVERY_SECONDS = 15.0

DISPUTE_PAUSE_SECONDS = 3600.0
"""A bank takes weeks over a dispute."""


def not_yet(payment_id: UUID, refusal: StripeRefusedError) -> StripeBusyError:
    """No refusal of Stripe's is final for a hold: it is tried again, after a look."""
    _log.error("a hold could not be canceled yet", payment_id=str(payment_id), reason=refusal.message)
    pause = DISPUTE_PAUSE_SECONDS if refusal.code in DISPUTED_CODES else None
    return StripeBusyError(refusal.message, pause, stored=True)


@dataclass(slots=True)
class HoldsWatch:
    """Counts them once in a while."""

    engine: Engine
    clock: Callable[[], float] = time.monotonic
    _counted_at: float | None = field(default=None, init=False)

    def look(self) -> None:
        """Count, unless that was done a moment ago. Raises the database's error."""
        now = self.clock()
        if self._counted_at is not None and now - self._counted_at < EVERY_SECONDS:
            return
        with transaction(self.engine) as connection:
            count, seconds = commands.holds_to_cancel(connection)
        self._counted_at = now
        _HOLDS.set(count)
        _OLDEST.set(seconds)
