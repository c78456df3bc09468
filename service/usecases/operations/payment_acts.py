"""Releases and reverts by operators: queued as those of HTTP callers are, each with its act, and never twice."""

import json
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import NamedTuple
from uuid import UUID, uuid4

from service.domain.commands.catalog import build, is_done
from service.domain.commands.command import CommandType
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.operator_acts import Grounds
from service.domain.payment import Payment
from service.domain.progress import CommandState
from service.storage import operator_actions, operator_outbox, operator_reads, operator_sessions
from service.storage.engine import Connection, Engine
from service.usecases.operations.errors import OperatorError
from service.usecases.operations.holders import naming_the_locker
from service.usecases.operations.retries import REFUSED_BY_KAFKA
from service.usecases.queue_command import CommandRequests, UnknownPaymentError


class Result(StrEnum):
    """What became of one payment's act. A skipped one has its command already, queued or carried out."""

    QUEUED = "queued"
    SKIPPED = "skipped"


class Queued(NamedTuple):
    """The result, and the correlation id of the command: the new one, or the one that is there already."""

    result: Result
    correlation_id: str


class MovedOnError(OperatorError):
    """The payment has another status than the operator saw, and the act may not be meant for it any more."""

    def __init__(self, payment: Payment) -> None:
        super().__init__(f"payment {payment.payment_id} is {payment.status} now")
        self.status = payment.status


def release_of(payment_id: UUID, runner_id: str, account: str) -> Release:
    """A release under a new correlation id. Raises FieldError for ids that no command may have."""
    content = {"payment_id": str(payment_id), "runner_id": runner_id, "runner_connect_account_id": account}
    built = build(CommandType.RELEASE, str(uuid4()), content)
    if not isinstance(built, Release):
        raise TypeError(f"{built.type} is no release")
    return built


@dataclass(frozen=True, slots=True)
class PaymentActs:
    """The acts of one request. Each payment's is a transaction of its own, so that any number may be interrupted.

    ``shown``: the payment's status that the operator saw. Methods raise MovedOnError when it is another one now, and
    OperatorError when there is no such payment; then nothing was queued.
    """

    engine: Engine
    commands_topic: str
    grounds: Grounds

    def release(self, payment_id: UUID, runner_id: str, account: str, *, shown: str) -> Queued:
        """Queue a release to this account. Raises FieldError for ids that no command may have."""
        return self._queue(release_of(payment_id, runner_id, account), shown)

    def revert(self, payment_id: UUID, *, shown: str) -> Queued:
        """Queue a revert, with the act's reason."""
        return self._queue(Revert(str(uuid4()), payment_id, self.grounds.reason), shown)

    def _queue(self, command: Release | Revert, shown: str) -> Queued:
        act = self.grounds.act(
            _action(command),
            payment_id=command.payment_id,
            correlation_id=command.correlation_id,
            command_type=command.type,
        )
        requests = CommandRequests(self.engine, self.commands_topic)
        lockers = partial(operator_sessions.lockers, payment_id=command.payment_id)
        try:
            with naming_the_locker(self.engine, f"payment {command.payment_id}", lockers):
                found = requests.queue_act(command, act, partial(_earlier, command, shown))
        except UnknownPaymentError:
            raise OperatorError(f"no payment {command.payment_id}") from None
        return Queued(Result.QUEUED if found == command.correlation_id else Result.SKIPPED, found)


def _action(command: Release | Revert) -> str:
    return f"payment.{command.type.removesuffix('_payment')}"


def _earlier(command: Release | Revert, shown: str, connection: Connection, payment: Payment) -> str | None:
    """The correlation id of a command of this type that makes the new one needless.

    It is open, or an operator queued it and it waits for a consumer, or its effect lasts. Raises MovedOnError.
    """
    if payment.status != shown:
        raise MovedOnError(payment)
    for each in operator_reads.commands_of(connection, payment.payment_id):
        if each["command_type"] == command.type and each["state"] != CommandState.DONE:
            return str(each["correlation_id"])
    acts = operator_actions.actions_of(connection, payment.payment_id)
    last = next((act["correlation_id"] for act in reversed(acts) if act["action"] == _action(command)), None)
    return last if last is not None and _lasts(connection, command, payment, last) else None


def _lasts(connection: Connection, command: Release | Revert, payment: Payment, last: str) -> bool:
    """Whether the command ``last`` waits for a consumer, or has succeeded with an effect that nobody undid since."""
    # By its correlation id: an invalid command is kept without its payment.
    for each in operator_reads.commands_called(connection, last):
        if each["command_type"] == command.type:
            return "status" in (each["outcome"] or {}) and is_done(command, payment)
    return any(
        row["type"] == command.type
        and json.loads(row["value"])["correlation_id"] == last
        and not operator_reads.is_discarded(connection, REFUSED_BY_KAFKA, row["position"])
        for row in operator_outbox.rows_of(connection, payment.payment_id)
    )
