"""Phase 4, record: the payment, its movements, its events and the commands that these answer, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from runtime import tracing
from service.domain.commands.cancel_hold import CancelHold
from service.domain.events import Answer
from service.domain.intent_state import Observed
from service.domain.messages import OutgoingMessage, event_message, news_id, outcome_id, trace_of
from service.domain.payment import Payment
from service.domain.progress import Ended
from service.domain.published import NOTHING, Published
from service.storage import commands, leases, outbox, payments
from service.storage.engine import Connection, after_commit
from service.storage.leases import Fence
from service.storage.prepared import Call, run
from service.usecases import telemetry


class _Place(NamedTuple):
    """An event's sequence among the events of its payment (None without a payment), and its time (UTC)."""

    sequence: int | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Recorder:
    """Appends events to ``events_topic`` through the outbox."""

    events_topic: str
    published: Published = NOTHING
    """After a restore: the events that readers have seen. They are appended instead of new ones with the same ids."""

    def record(
        self,
        connection: Connection,
        before: Payment,
        observed: Observed,
        cause: str,
        *,
        now: datetime,
        fence: Fence | None = None,
        beside: tuple[Call, ...] = (),
    ) -> Payment:
        """Write a payment's change with its movements and events. The caller holds the payment's row lock.

        ``now``: the time of the events. ``beside``: further statements for the same round trip.

        An outcome event ends its command. Its event id is derived from the command key, so a second outcome of one
        command cannot be stored. Raises LeaseLostError when a command is answered already, or when the fenced command
        is answered here and its token no longer holds.
        """
        ended = [self._end_command(connection, answer, before.payment_id, fence) for answer in observed.answers]
        last = max(before.event_sequence, self.published.sequences.get(before.payment_id, 0))
        messages = []
        for answer, command in zip(observed.answers, ended, strict=True):
            made = self._event(answer, before.payment_id, _Place(last + 1, now), command)
            messages.append(self.published.instead_of(made))
            last += messages[-1] is made
        after = observed.payment
        if messages:
            after = replace(after, event_sequence=last)
        writes = [*beside, *payments.saving(before, after, observed, cause), *outbox.appending(messages)]
        if writes:
            run(connection, *writes)
        if observed.cancel_hold:
            self.cancel_hold(connection, after, after.stripe_payment_intent_id)
        if messages:
            after_commit(partial(_report, observed.answers, messages, ended))
        return after

    def cancel_hold(self, connection: Connection, payment: Payment, intent_id: str | None) -> None:
        """Open the command that cancels this intent's hold. Raises LookupError when there is no intent to cancel."""
        if intent_id is None:
            raise LookupError(f"payment {payment.payment_id} has no PaymentIntent to cancel")
        command = CancelHold(correlation_id=intent_id, payment_id=payment.payment_id)
        commands.reopen_hold(connection, command, payment.payment_id, tracing.traceparent())

    def about_nothing(self, connection: Connection, answer: Answer, traceparent: str | None, now: datetime) -> None:
        """Append the outcome event of a command without a payment of ours."""
        if answer.key is None:
            raise TypeError("an answer about no payment answers a command")
        message = self._message(answer, outcome_id(answer.key), None, _Place(None, now), traceparent)
        outbox.append(connection, [self.published.instead_of(message)])
        after_commit(partial(_report, [answer], [message], [Ended(traceparent, 0, 0.0)]))

    def _end_command(self, connection: Connection, answer: Answer, payment_id: UUID, fence: Fence | None) -> Ended:
        """End the command that the event answers. A news event answers none, and goes on with the trace of its command.

        Raises LeaseLostError when the command is the fenced one and its token no longer holds.
        """
        if answer.key is None:
            found = commands.trace_of(connection, answer.correlation_id)
            return Ended(None if found is None else trace_of(*found), 0, 0.0)
        mine = fence if fence is not None and fence.key == answer.key else None
        outcome = self.published.outcome(answer.key, str(payment_id)) or outcome_of(answer)
        return leases.finish(connection, answer.key, outcome, mine)

    def _event(self, answer: Answer, payment_id: UUID, place: _Place, ended: Ended) -> OutgoingMessage:
        if answer.key is not None:
            event_id = outcome_id(answer.key, ended.reopened)
        elif answer.news is not None:
            event_id = news_id(payment_id, answer.news)
        else:
            raise TypeError("an event that answers no command says what news it is")
        return self._message(answer, event_id, payment_id, place, ended.traceparent)

    def _message(
        self, answer: Answer, event_id: UUID, payment_id: UUID | None, place: _Place, traceparent: str | None
    ) -> OutgoingMessage:
        return event_message(
            answer,
            event_id=event_id,
            topic=self.events_topic,
            now=place.now,
            payment_id=payment_id,
            sequence=place.sequence,
            traceparent=tracing.message_created(
                self.events_topic, traceparent, {"messaging.message.id": str(event_id)}
            ),
        )


def _report(answers: Sequence[Answer], messages: Sequence[OutgoingMessage], ended: Sequence[Ended]) -> None:
    for answer, message, end in zip(answers, messages, ended, strict=True):
        telemetry.recorded(answer, message, end.seconds)


def outcome_of(answer: Answer) -> dict[str, Any]:
    """The outcome as the command's row keeps it."""
    return {"type": answer.type, **answer.payload}
