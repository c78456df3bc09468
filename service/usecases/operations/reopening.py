"""Reopening: a command that failed runs once more, under its own correlation id, and is answered by a new event."""

from typing import Any
from uuid import UUID

from service.domain.commands.catalog import StoredCommand, plan, restore
from service.domain.commands.command import CommandKey, CommandType
from service.domain.next_step import Clock, Policy, Settled
from service.domain.operator_acts import Grounds
from service.domain.payment import Payment, as_uuid
from service.domain.progress import CommandState
from service.storage import locked, operator_actions, operator_reads, operator_writes
from service.storage.engine import Connection, Engine
from service.storage.locked import Locked
from service.storage.operator_session import Record
from service.usecases.operations.errors import OperatorError
from service.usecases.operations.holders import command_locked

_AGAIN = frozenset({CommandType.RELEASE, CommandType.REVERT})


def check(engine: Engine, key: CommandKey, policy: Policy) -> Record:
    """The command, if it may be reopened now. Raises OperatorError as ``reopen_command`` does. Changes nothing."""
    with command_locked(engine, key) as connection:
        return _reopenable(connection, key, policy)[0]


def reopen_command(engine: Engine, key: CommandKey, grounds: Grounds, policy: Policy) -> None:
    """Let the command run once more. Whichever consumer is free takes it up; a look comes before each of its steps.

    Raises OperatorError, and changes nothing, for a command that is unknown, open, or answered by anything but a
    failure; and where another run is not safe, or would fail again as things are now.
    """
    with command_locked(engine, key) as connection:
        command, payment = _reopenable(connection, key, policy)
        operator_writes.reopen(connection, key, payment.payment_id)
        act = grounds.act(
            "command.reopen",
            payment_id=payment.payment_id,
            correlation_id=key.correlation_id,
            command_type=key.command_type,
            detail={"reopened": command["reopened"] + 1, "outcome_before": command["outcome"]},
        )
        operator_actions.record(connection, act)


def _reopenable(connection: Connection, key: CommandKey, policy: Policy) -> tuple[Record, Payment]:
    found = _lock(connection, key)
    command = operator_writes.lock_command(connection, key)
    if command is None:
        raise OperatorError(f"no command {key.command_type} {key.correlation_id}")
    name = f"{key.command_type} {key.correlation_id}"
    _check_answer(command, name)
    if found is None:
        raise OperatorError(f"{name} is about no payment that there is: bring the payment back, or send a new command")
    _check_order(found, name)
    _check_plan(restore(key.command_type, key.correlation_id, command["payload"]), found, policy, name)
    return command, found.payment


def _lock(connection: Connection, key: CommandKey) -> Locked | None:
    """The payment of the command, locked before the command: every writer takes them in this order."""
    for each in operator_reads.commands_called(connection, key.correlation_id):
        if each["command_type"] == key.command_type:
            payment_id = each["payment_id"] or _named(each["payload"])
            return None if payment_id is None else locked.lock(connection, payment_id)
    return None


def _named(payload: dict[str, Any]) -> UUID | None:
    """The payment that a command names which was answered with PAYMENT_NOT_FOUND."""
    named = payload.get("payment_id")
    return as_uuid(named) if isinstance(named, str) else None


def _check_answer(command: Record, name: str) -> None:
    outcome = command["outcome"] or {}
    if command["command_type"] not in _AGAIN:
        why = {
            CommandType.AUTHORIZE: "money is asked of a customer once under one id: authorize anew under a new one",
            CommandType.CANCEL_HOLD: "the service repeats it by itself for as long as there is a hold",
        }
        unknown = "its type is not known"
        raise OperatorError(f"{name} cannot run again: {why.get(command['command_type'], unknown)}")
    if command["state"] != CommandState.DONE:
        raise OperatorError(f"{name} is not answered yet; command retry takes it up at once")
    if command["payment_id"] is None and not command["payload"]:
        raise OperatorError(f"{name} was not valid, and its content is not kept: mend its dead letter and resend that")
    if outcome and (outcome.get("type") != "payment.failed" or "status" in outcome):
        raise OperatorError(f"{name} was carried out, answered with {outcome.get('type')}, and stays so")


def _check_order(found: Locked, name: str) -> None:
    """It came before the commands that are open now, and would overtake them."""
    ahead = [other.command for other in found.opened if other.command.type in _AGAIN]
    if ahead:
        others = ", ".join(f"{other.type} {other.correlation_id}" for other in ahead)
        raise OperatorError(f"{name} would overtake {others}: wait until that is answered")


def _check_plan(command: StoredCommand, found: Locked, policy: Policy, name: str) -> None:
    following = plan(command, found.payment, policy, Clock(found.now, found.now), found.ledger)
    if not isinstance(following, Settled):
        return
    for answer in following.answers:
        if answer.key == command.key and "error" in answer.payload and "status" not in answer.payload:
            raise OperatorError(f"{name} would fail again: {answer.payload['message']}")
