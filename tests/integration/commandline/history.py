"""Payments with a history, written by the service's own code."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select

from relay.delivery import write_dead_letter
from relay.kafka_errors import RecordRefusedError
from service.domain import events
from service.domain.commands.authorize import Authorize
from service.domain.commands.command import CommandKey
from service.domain.content import Content
from service.domain.errors import ErrorCode
from service.domain.intent_state import Observed
from service.domain.payment import Failure, Payment, PaymentStatus
from service.domain.received_records import Arrival, Origin, UnreadableMessage
from service.domain.stripe_objects import StripeEvent
from service.storage import acceptance, commands, inbox, payments
from service.storage.engine import Engine, transaction
from service.storage.models import OutboxRow
from service.usecases.dead_letters import DeadLetters
from service.usecases.record import Recorder

RECORDER = Recorder("payment_events")
DEAD_LETTERS = DeadLetters("payment_commands.dead_letter")


class History:
    """Writes into one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def accept(self, order_id: str, correlation_id: str, payment_id: UUID | None = None) -> Payment:
        """A payment whose authorize is accepted and not yet carried out."""
        command = Authorize(correlation_id, order_id, "customer-1", "pm_card_visa", 1250, "sgd")
        payment = Payment(
            payment_id or uuid4(), order_id, "customer-1", 1250, "sgd", PaymentStatus.INITIATING, correlation_id
        )
        with transaction(self.engine) as connection:
            added = acceptance.accept(
                connection,
                command,
                payment,
                arrival=Arrival(),
                sent_lately="create_intent:act",
                sent_long_ago="create_intent:look",
                token=uuid4(),
                lease=timedelta(seconds=10),
            )
        assert added.result is acceptance.Result.NEW
        return payment

    def authorize(self, order_id: str, correlation_id: str) -> Payment:
        """A payment with a hold at Stripe and a published outcome."""
        payment = self.accept(order_id, correlation_id)
        with transaction(self.engine) as connection:
            held = payments.lock(connection, payment.payment_id)
            assert held is not None
            before, now = held
            after = before.become(PaymentStatus.AUTHORIZED, stripe_payment_intent_id=f"pi_{order_id}")
            observed = Observed(after, (events.authorized(after),))
            return RECORDER.record(connection, before, observed, f"authorize_payment {correlation_id}", now=now)

    def canceled_at_stripe(self, payment: Payment) -> None:
        """The hold expires, as a webhook reports."""
        event = StripeEvent(f"evt_{payment.order_id}", "payment_intent.canceled", None, "pi_1", None)
        with transaction(self.engine) as connection:
            held = payments.lock(connection, payment.payment_id)
            assert held is not None
            before, now = held
            assert inbox.add(connection, event, payment.payment_id, "applied")
            after = before.become(PaymentStatus.REVERTED, canceled_at=datetime.now(UTC))
            cause = f"{event.type} {event.id}"
            RECORDER.record(connection, before, Observed(after, (events.hold_ended(after),)), cause, now=now)

    def cancel_hold_of(self, payment: Payment, intent_id: str) -> None:
        """The service's own cancel_hold command, under the given correlation id."""
        with transaction(self.engine) as connection:
            RECORDER.cancel_hold(connection, payment, intent_id)

    def fail_after(self, order_id: str, correlation_id: str) -> UUID:
        """A second authorize for an order whose payment has ended, which fails, too."""
        payment = self.accept(order_id, correlation_id)
        with transaction(self.engine) as connection:
            held = payments.lock(connection, payment.payment_id)
            assert held is not None
            before, now = held
            failed = replace(before, failure={"error": "CARD_DECLINED", "message": "no"})
            after = failed.become(PaymentStatus.FAILED)
            answer = events.failed(after, events.authorize_of(after), events.CANCELED)
            RECORDER.record(connection, before, Observed(after, (answer,)), "card", now=now)
        return payment.payment_id

    def refuse(self, correlation_id: str, command_type: str, error: ErrorCode = ErrorCode.INVALID_PAYLOAD) -> None:
        """A command without a payment of ours, which is answered at once."""
        key = CommandKey(command_type, correlation_id)
        failure = Failure(error, "no such payment")
        with transaction(self.engine) as connection:
            now = commands.add_answered(connection, key, Content(bytes(32)), Arrival())
            assert now is not None
            RECORDER.about_nothing(connection, events.refused(key, failure), None, now)

    def add_dead_letter(self, offset: int, value: bytes | None, key: bytes | None = None) -> None:
        """A dead letter."""
        origin = Origin("payment_commands", 3, offset, key, value, [])
        with transaction(self.engine) as connection:
            DEAD_LETTERS.add(connection, UnreadableMessage("NOT_JSON", "the value is not JSON"), origin)

    def refused_by_kafka(self, position: int) -> None:
        """A row of the outbox in the dead letters, as the relay puts it there."""
        with transaction(self.engine) as connection:
            found = connection.execute(select(OutboxRow).where(OutboxRow.position == position)).one()
            row = (position, found.topic, found.key, found.value, json.dumps(found.headers), False, 0)
            cursor = connection.connection.cursor()
            write_dead_letter(cursor.execute, row, RecordRefusedError("RECORD_TOO_LARGE", "too large"))
