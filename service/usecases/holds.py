"""Holds to cancel: of payments whose caller was told "failed" or "reverted", and of second intents.

``CancelHold`` works on a hold until the hold is known to be gone (its plan is in ``domain/commands/cancel_hold.py``).
Metrics have the number of these holds and the age of the oldest (``database_metrics``).
"""

from uuid import UUID

from runtime.logs import get_logger
from service.domain.errors import StripeBusyError, StripeRefusedError
from service.domain.intent_state import DISPUTED_CODES

_log = get_logger(__name__)

DISPUTE_PAUSE_SECONDS = 3600.0
"""Pause between two tries while a dispute is open, which takes weeks."""


def not_yet(payment_id: UUID, refusal: StripeRefusedError) -> StripeBusyError:
    """Stripe's refusal as a passing fault. No refusal is final for a hold: it is tried again, after a look."""
    _log.error("hold_not_canceled", payment_id=str(payment_id), reason=refusal.message)
    pause = DISPUTE_PAUSE_SECONDS if refusal.code in DISPUTED_CODES else None
    return StripeBusyError(refusal.message, pause, stored=True)
