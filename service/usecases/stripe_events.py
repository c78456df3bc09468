"""Stripe's asynchronous word: recorded once, applied once, in one transaction."""

from dataclasses import dataclass, field
from uuid import UUID

from service.crash_points import CrashPoint, reached
from service.domain.observations import SEEN_BY_EVENT, Observed, Seen, observe
from service.domain.ours import Foreign, Ownership
from service.domain.payment import Payment
from service.domain.ports import Intent, StripeEvent
from service.logs import get_logger
from service.storage import inbox, locked, payments
from service.storage.availability import is_refused
from service.storage.engine import Connection, Engine, SQLAlchemyError, in_transaction
from service.storage.locked import Locked
from service.usecases.claims import revert_open
from service.usecases.recording import Recorder

_log = get_logger(__name__)
STRAY_HOLDS = frozenset({Seen.HELD, Seen.CAPTURED})


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """Takes webhook events whose signature was checked."""

    engine: Engine
    recorder: Recorder
    ownership: Ownership = field(default_factory=Ownership)

    def receive(self, event: StripeEvent) -> str:
        """Record an event and apply it; says what it did.

        That is applied, no_change, duplicate, stray, ignored, a word of Foreign, or, of one that cannot be applied,
        unreadable or refused. Safe for any order and any number of deliveries. Raises the database's error when that
        may pass, and then nothing was recorded.
        """
        seen = SEEN_BY_EVENT.get(event.type)
        foreign = self.ownership.of_event(event)
        if seen is None or event.intent is None or foreign is not None:
            return self._only_recorded(event, foreign or ("ignored" if event.unreadable is None else "unreadable"))
        try:
            return self._recorded_and_applied(event, seen, event.intent)
        except SQLAlchemyError as error:
            if not is_refused(error):
                raise
            _log.error("webhook_refused_by_database", event_id=event.id, type=event.type, exc_info=error)
            return self._only_recorded(event, "refused")

    def _recorded_and_applied(self, event: StripeEvent, seen: Seen, intent: Intent) -> str:
        def recorded(connection: Connection) -> str:
            result = self._receive(connection, event, seen, intent)
            reached(CrashPoint.WEBHOOK_BEFORE_COMMIT)
            return result

        result = in_transaction(self.engine, recorded)
        reached(CrashPoint.WEBHOOK_AFTER_COMMIT)
        return result

    def _only_recorded(self, event: StripeEvent, result: str) -> str:
        if event.unreadable is not None:
            _log.warning("webhook_not_readable", event_id=event.id, type=event.type, reason=event.unreadable)
        # Most of what an account sends; BEGIN and COMMIT around the one statement would triple its round trips.
        return result if inbox.add_alone(self.engine, event, result) else "duplicate"

    def _receive(self, connection: Connection, event: StripeEvent, seen: Seen, intent: Intent) -> str:
        found = _locked(connection, intent)
        if found is None:
            return self._note(connection, event, None, Foreign.UNKNOWN)
        return self._apply(connection, event, found, seen, intent)

    def _apply(self, connection: Connection, event: StripeEvent, found: Locked, seen: Seen, intent: Intent) -> str:
        payment, opened, now = found
        foreign = self.ownership.of_intent(payment, intent)
        if foreign is not None:
            _log.warning("foreign intent names a payment", reason=foreign, payment_id=str(payment.payment_id))
            return self._note(connection, event, payment.payment_id, foreign)
        if payment.stripe_payment_intent_id not in {None, intent.id}:
            return self._stray(connection, event, payment, seen, intent)
        observed = observe(payment, seen, intent, revert_open=revert_open(opened), now=now)
        result = "no_change" if observed == Observed(payment) else "applied"
        noted = self._note(connection, event, payment.payment_id, result)
        if noted == "applied":
            self.recorder.record(connection, payment, observed, f"{event.type} {event.id}", now=now)
        return noted

    def _stray(self, connection: Connection, event: StripeEvent, payment: Payment, seen: Seen, intent: Intent) -> str:
        """A second intent of one payment, made when the first could not be found: it must hold nothing."""
        noted = self._note(connection, event, payment.payment_id, "stray")
        if noted == "stray" and seen in STRAY_HOLDS:
            self.recorder.cancel_hold(connection, payment, intent.id)
        return noted

    def _note(self, connection: Connection, event: StripeEvent, payment_id: UUID | None, result: str) -> str:
        return result if inbox.add(connection, event, payment_id, result) else "duplicate"


def _locked(connection: Connection, intent: Intent) -> Locked | None:
    payment_id = payments.id_of_intent(connection, intent.id) or _as_uuid(intent.payment_id)
    return None if payment_id is None else locked.lock(connection, payment_id)


def _as_uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
