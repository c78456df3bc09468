"""Commands from HTTP callers: appended to the outbox, for the consumer to carry out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import uuid4

from runtime import tracing
from runtime.crash_points import reached
from runtime.errors import PaymentServiceError
from runtime.logs import get_logger
from service.crash_points import CrashPoint
from service.domain.commands.catalog import content_of
from service.domain.commands.command import fingerprint
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.messages import OutgoingMessage, command_message
from service.domain.operator_acts import Act
from service.domain.payment import Payment
from service.storage import operator_actions, outbox, payments, request_keys
from service.storage.engine import Connection, Engine, after_commit, in_transaction
from service.storage.request_keys import Claim, RequestKey
from service.usecases import telemetry

_log = get_logger(__name__)


class UnknownPaymentError(PaymentServiceError):
    """No payment has this id."""


class KeyReusedError(PaymentServiceError):
    """The idempotency key came before, on this route and payment, with another request."""


@dataclass(frozen=True, slots=True)
class CommandRequests:
    """Queues commands for ``commands_topic``."""

    engine: Engine
    commands_topic: str

    def queue(self, command: Release | Revert, *, key: str | None, traceparent: str | None) -> str:
        """Append the command to the outbox, once for each idempotency ``key``.

        Returns the correlation id of the outcome event: the command's own, or that of the earlier request with the same
        key. Raises UnknownPaymentError, KeyReusedError or the database's error; then nothing was queued.
        """

        def claimed(connection: Connection, _payment: Payment) -> str:
            return command.correlation_id if key is None else _claimed(connection, command, key)

        return self._queue(command, claimed, None, traceparent)

    def queue_act(
        self, command: Release | Revert, act: Act, earlier: Callable[[Connection, Payment], str | None]
    ) -> str:
        """Append an operator's command and its act, unless ``earlier`` finds the correlation id of an equal command.

        ``earlier`` gets the payment with its row locked. If it raises an error, nothing is queued. Returns the
        correlation id of the outcome event, the command's own or the earlier one's. Raises as ``queue``.
        """

        def claimed(connection: Connection, payment: Payment) -> str:
            return earlier(connection, payment) or command.correlation_id

        return self._queue(command, claimed, act, None)

    def _queue(
        self,
        command: Release | Revert,
        claimed: Callable[[Connection, Payment], str],
        act: Act | None,
        traceparent: str | None,
    ) -> str:

        def queued(connection: Connection) -> str:
            # The row lock keeps one payment's commands in commit order. The relay publishes in this order.
            held = payments.lock(connection, command.payment_id)
            if held is None:
                raise UnknownPaymentError
            correlation_id = claimed(connection, held.payment)
            if correlation_id == command.correlation_id:
                message = self._message(command, held.now, traceparent)
                outbox.append(connection, [message])
                if act is not None:
                    operator_actions.record(connection, act)
                telemetry.about(held.payment)
                after_commit(partial(_log_queued, command, message))
            reached(CrashPoint.REQUEST_BEFORE_COMMIT)
            return correlation_id

        correlation_id = in_transaction(self.engine, queued)
        reached(CrashPoint.REQUEST_AFTER_COMMIT)
        return correlation_id

    def _message(self, command: Release | Revert, now: datetime, given: str | None) -> OutgoingMessage:
        event_id, topic = uuid4(), self.commands_topic
        trace = tracing.message_created(topic, given, {"messaging.message.id": str(event_id)})
        return command_message(command, event_id=event_id, topic=topic, now=now, traceparent=trace)


def _log_queued(command: Release | Revert, message: OutgoingMessage) -> None:
    names = {"correlation_id": command.correlation_id, "command_type": command.type, "trace_id": message.trace_id}
    _log.info("command_queued", event_id=str(message.event_id), **names)


def _claimed(connection: Connection, command: Release | Revert, key: str) -> str:
    wanted = Claim(fingerprint(content_of(command)), command.correlation_id)
    found = request_keys.claim(connection, RequestKey(command.type, command.payment_id, key), wanted)
    if found.fingerprint != wanted.fingerprint:
        raise KeyReusedError
    if found == wanted:
        request_keys.prune(connection)
    return found.correlation_id
