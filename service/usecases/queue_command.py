"""Commands from HTTP callers: appended to the outbox, for the consumer to carry out."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from runtime.crash_points import reached
from runtime.errors import PaymentServiceError
from service.crash_points import CrashPoint
from service.domain.commands.catalog import content_of
from service.domain.commands.command import fingerprint
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.messages import command_message
from service.domain.operator_acts import Act
from service.storage import operator_actions, outbox, payments, request_keys
from service.storage.engine import Connection, Engine, in_transaction
from service.storage.request_keys import Claim, RequestKey


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

        def claimed(connection: Connection) -> str:
            return command.correlation_id if key is None else _claimed(connection, command, key)

        return self._queue(command, claimed, None, traceparent)

    def queue_act(self, command: Release | Revert, act: Act, earlier: Callable[[Connection], str | None]) -> str:
        """Append an operator's command and its act, unless ``earlier`` finds the correlation id of an equal command.

        Returns the correlation id of the outcome event, the command's own or the earlier one's. Raises as ``queue``.
        """
        return self._queue(command, lambda connection: earlier(connection) or command.correlation_id, act, None)

    def _queue(
        self,
        command: Release | Revert,
        claimed: Callable[[Connection], str],
        act: Act | None,
        traceparent: str | None,
    ) -> str:

        def queued(connection: Connection) -> str:
            # The row lock keeps one payment's commands in commit order. The relay publishes in this order.
            held = payments.lock(connection, command.payment_id)
            if held is None:
                raise UnknownPaymentError
            correlation_id = claimed(connection)
            if correlation_id == command.correlation_id:
                message = command_message(
                    command, event_id=uuid4(), topic=self.commands_topic, now=held.now, traceparent=traceparent
                )
                outbox.append(connection, [message])
                if act is not None:
                    operator_actions.record(connection, act)
            reached(CrashPoint.REQUEST_BEFORE_COMMIT)
            return correlation_id

        correlation_id = in_transaction(self.engine, queued)
        reached(CrashPoint.REQUEST_AFTER_COMMIT)
        return correlation_id


def _claimed(connection: Connection, command: Release | Revert, key: str) -> str:
    wanted = Claim(fingerprint(content_of(command)), command.correlation_id)
    found = request_keys.claim(connection, RequestKey(command.type, command.payment_id, key), wanted)
    if found.fingerprint != wanted.fingerprint:
        raise KeyReusedError
    if found == wanted:
        request_keys.prune(connection)
    return found.correlation_id
