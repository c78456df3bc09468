"""Holds to cancel: of payments whose caller was told "failed" or "reverted", and of second intents.

``CancelHold`` works on a hold until the hold is known to be gone (its plan is in ``domain/commands/cancel_hold.py``).
Metrics have the number of these holds and the age of the oldest, so that operators see a hold that stays.
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
"""Pause between two tries while a dispute is open, which takes weeks."""


def not_yet(payment_id: UUID, refusal: StripeRefusedError) -> StripeBusyError:
    """Stripe's refusal as a passing fault. No refusal is final for a hold: it is tried again, after a look."""
    _log.error("hold_not_canceled", payment_id=str(payment_id), reason=refusal.message)
    pause = DISPUTE_PAUSE_SECONDS if refusal.code in DISPUTED_CODES else None
    return StripeBusyError(refusal.message, pause, stored=True)


@dataclass(slots=True)
class HoldsWatch:
    """Counts these holds for the metrics, at most once in ``EVERY_SECONDS``."""

    engine: Engine
    clock: Callable[[], float] = time.monotonic
    _counted_at: float | None = field(default=None, init=False)

    def look(self) -> None:
        """Count, unless the last count is younger than ``EVERY_SECONDS``. Raises the database's error."""
        now = self.clock()
        if self._counted_at is not None and now - self._counted_at < EVERY_SECONDS:
            return
        with transaction(self.engine) as connection:
            count, seconds = commands.holds_to_cancel(connection)
        self._counted_at = now
        _HOLDS.set(count)
        _OLDEST.set(seconds)
