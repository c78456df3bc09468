"""Releases and reverts by operators: queued as those of HTTP callers are, each with its act, and never twice."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID, uuid4

from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.operator_acts import Grounds
from service.domain.progress import CommandState
from service.storage import operator_actions, operator_reads
from service.storage.engine import Connection, Engine
from service.storage.operator_session import Record
from service.usecases.operations.errors import OperatorError
from service.usecases.queue_command import CommandRequests, UnknownPaymentError


class Result(StrEnum):
    """What became of one payment's act. A skipped one has its command already, queued or carried out."""

    QUEUED = "queued"
    SKIPPED = "skipped"


class Queued(NamedTuple):
    """The result, and the correlation id of the command: the new one, or the one that is there already."""

    result: Result
    correlation_id: str


@dataclass(frozen=True, slots=True)
class PaymentActs:
    """The acts of one request. Each payment's is a transaction of its own, so that any number may be interrupted."""

    engine: Engine
    commands_topic: str
    grounds: Grounds

    def release(self, payment_id: UUID, runner_id: str, account: str) -> Queued:
        """Queue a release to this account. Raises OperatorError when there is no such payment."""
        return self._queue(Release(str(uuid4()), payment_id, runner_id, account))

    def revert(self, payment_id: UUID) -> Queued:
        """Queue a revert, with the act's reason. Raises OperatorError when there is no such payment."""
        return self._queue(Revert(str(uuid4()), payment_id, self.grounds.reason))

    def _queue(self, command: Release | Revert) -> Queued:
        act = self.grounds.act(
            _action(command),
            payment_id=command.payment_id,
            correlation_id=command.correlation_id,
            command_type=command.type,
        )
        requests = CommandRequests(self.engine, self.commands_topic)
        try:
            found = requests.queue_act(command, act, lambda connection: _earlier(connection, command))
        except UnknownPaymentError:
            raise OperatorError(f"no payment {command.payment_id}") from None
        return Queued(Result.QUEUED if found == command.correlation_id else Result.SKIPPED, found)


def _action(command: Release | Revert) -> str:
    return f"payment.{command.type.removesuffix('_payment')}"


def _earlier(connection: Connection, command: Release | Revert) -> str | None:
    """The correlation id of a command of this type that is open, or that an operator queued and that has not failed."""
    known = _commands(connection, command)
    for each in known.values():
        if each["state"] != CommandState.DONE:
            return str(each["correlation_id"])
    acts = operator_actions.actions_of(connection, command.payment_id)
    last = next((act["correlation_id"] for act in reversed(acts) if act["action"] == _action(command)), None)
    return None if last is None else _unless_failed(last, known)


def _commands(connection: Connection, command: Release | Revert) -> dict[str, Record]:
    found = operator_reads.commands_of(connection, command.payment_id)
    return {each["correlation_id"]: each for each in found if each["command_type"] == command.type}


def _unless_failed(correlation_id: str, known: dict[str, Record]) -> str | None:
    """A command that failed is queued anew; one that has not reached a consumer yet is not."""
    if correlation_id not in known:
        return correlation_id
    return correlation_id if "status" in (known[correlation_id]["outcome"] or {}) else None
