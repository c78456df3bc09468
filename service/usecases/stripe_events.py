"""Webhook events of Stripe's: recorded once and applied once, in one transaction."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from structlog.contextvars import bind_contextvars

from runtime import tracing
from runtime.crash_points import reached
from runtime.logs import get_logger
from runtime.tracing import SpanKind
from service.crash_points import CrashPoint
from service.domain.event_proofs import are_known
from service.domain.event_types import NOTED_EVENTS
from service.domain.intent_state import SEEN_BY_EVENT, Observed, Seen
from service.domain.learning import Situation, learn_intent, learn_stray, situation_of
from service.domain.messages import trace_of
from service.domain.ours import Foreign, Ownership
from service.domain.payment import as_uuid
from service.domain.progress import CommandState
from service.domain.stripe_objects import About, Intent, Picture, StripeEvent
from service.storage import inbox, locked, looks
from service.storage.availability import is_refused
from service.storage.engine import Connection, Engine, SQLAlchemyError, in_transaction
from service.storage.locked import Locked
from service.storage.prepared import run
from service.usecases import telemetry
from service.usecases.record import Recorder

_log = get_logger(__name__)
STRAY_HOLDS = frozenset({Seen.HELD, Seen.CAPTURED})

ECHO_PAUSE = timedelta(seconds=5)
"""Delay of a look while a command is at work: most events only report that command's own step, soon to be recorded."""


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """Takes webhook events whose signature is verified already."""

    engine: Engine
    recorder: Recorder
    ownership: Ownership = field(default_factory=Ownership)

    def receive(self, event: StripeEvent) -> str:
        """Record an event and apply it; returns the result.

        The result is applied, no_change, look (a look at Stripe is due), noted, duplicate, stray, ignored or a value of
        Foreign; for an event that cannot be applied, unreadable or refused. Events may come in any order and any
        number of times. Raises the database's error when it may pass; then nothing was recorded.
        """
        bind_contextvars(stripe_event_id=event.id)
        if event.unreadable is not None:
            _log.warning("webhook_not_readable", type=event.type, reason=event.unreadable)
        foreign = None if event.type in NOTED_EVENTS else self.ownership.of_event(event)
        if foreign is not None or event.about is None:
            return self._only_recorded(event, foreign or _unapplied(event))
        try:
            return self._recorded_and_applied(event, event.about)
        except SQLAlchemyError as error:
            if not is_refused(error):
                raise
            _log.error("webhook_refused_by_database", type=event.type, exc_info=error)
            return self._only_recorded(event, "refused")

    def _recorded_and_applied(self, event: StripeEvent, about: About) -> str:
        seen = SEEN_BY_EVENT.get(event.type)

        def recorded(connection: Connection) -> str:
            if seen is not None and event.intent is not None:
                result = self._receive(connection, event, seen, event.intent)
            else:
                result = self._hear(connection, event, about)
            reached(CrashPoint.WEBHOOK_BEFORE_COMMIT)
            return result

        result = in_transaction(self.engine, recorded)
        reached(CrashPoint.WEBHOOK_AFTER_COMMIT)
        return result

    def _only_recorded(self, event: StripeEvent, result: str) -> str:
        # Most events of an account are of this kind. BEGIN and COMMIT would triple the round trips of one statement.
        return result if inbox.add_alone(self.engine, event, result) else "duplicate"

    def _hear(self, connection: Connection, event: StripeEvent, about: About) -> str:
        """Note an event about money without its intent. A look becomes due, unless the ledger has all its movements."""
        payment_id = looks.payment_named(connection, about)
        found = None if payment_id is None else locked.lock(connection, payment_id)
        if found is None:
            return self._note(connection, event, None, _unapplied(event, Foreign.UNKNOWN))
        payment = found.payment
        telemetry.about(payment)
        if event.type in NOTED_EVENTS:
            return self._note(connection, event, payment.payment_id, "noted")
        if are_known(payment, found.ledger.keys, event.tells):
            return self._note(connection, event, payment.payment_id, "no_change")
        noted = self._note(connection, event, payment.payment_id, looks.WANTS_LOOK)
        if noted == looks.WANTS_LOOK:
            at_work = any(progress.state == CommandState.PENDING for progress in found.opened)
            run(connection, looks.looking(payment.payment_id, ECHO_PAUSE if at_work else timedelta(0)))
        return noted

    def _receive(self, connection: Connection, event: StripeEvent, seen: Seen, intent: Intent) -> str:
        by_event = locked.lock_for_event(connection, intent.id, as_uuid(intent.payment_id), event.id)
        if by_event is None:
            return self._note(connection, event, None, Foreign.UNKNOWN)
        if by_event.heard:
            return "duplicate"
        found = by_event.found
        payment = found.payment
        telemetry.about(payment)
        foreign = self.ownership.of_intent(payment, intent)
        if foreign is not None:
            _log.warning("foreign_intent", reason=foreign)
            return self._note(connection, event, payment.payment_id, foreign)
        trace = _trace(found)
        telemetry.in_trace(trace)
        about = {"stripe.event_id": event.id}
        with tracing.span(f"apply {event.type}", SpanKind.CONSUMER, parent=trace, attributes=about):
            return self._apply(connection, event, found, seen, intent)

    def _apply(self, connection: Connection, event: StripeEvent, found: Locked, seen: Seen, intent: Intent) -> str:
        payment = found.payment
        situation = situation_of(found.opened, found.ledger, found.now, event.created_at)
        if payment.stripe_payment_intent_id not in {None, intent.id}:
            return self._stray(connection, event, found, seen, situation)
        observed = learn_intent(payment, seen, intent, situation)
        if observed == Observed(payment):
            return self._note(connection, event, payment.payment_id, "no_change")
        beside = (inbox.adding(event, payment.payment_id, "applied"),)
        self.recorder.record(connection, payment, observed, _cause(event), now=found.now, beside=beside)
        return "applied"

    def _stray(
        self, connection: Connection, event: StripeEvent, found: Locked, seen: Seen, situation: Situation
    ) -> str:
        """Learn of a second intent, made when the payment's first could not be found, and cancel its hold."""
        payment, intent = found.payment, event.intent
        noted = self._note(connection, event, payment.payment_id, "stray")
        if noted == "stray" and intent is not None:
            learnt = learn_stray(payment, Picture(intent), situation)
            self.recorder.record(connection, payment, learnt, _cause(event), now=found.now)
            if seen in STRAY_HOLDS:
                self.recorder.cancel_hold(connection, payment, intent.id)
        return noted

    def _note(self, connection: Connection, event: StripeEvent, payment_id: UUID | None, result: str) -> str:
        return result if inbox.add(connection, event, payment_id, result) else "duplicate"


def _unapplied(event: StripeEvent, result: str | None = None) -> str:
    if event.unreadable is not None:
        return "unreadable"
    return result or ("noted" if event.type in NOTED_EVENTS else "ignored")


def _trace(found: Locked) -> str | None:
    """The trace of the first command that is open: the event is likely to be its effect."""
    return next((trace_of(each.command.key, each.traceparent) for each in found.opened), None)


def _cause(event: StripeEvent) -> str:
    return f"{event.type} {event.id}"
