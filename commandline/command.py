"""``command``: commands, their state and their answers."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from commandline.connection import reading
from commandline.environment import OperatorGroup
from commandline.failures import CannotError
from commandline.options import json_option, limit_option, payment_option, span_options
from commandline.output import show_list, show_record
from commandline.payment_filter import payment_id_called
from commandline.reopen import TYPES, reopen, type_option
from commandline.retry import retry

if TYPE_CHECKING:
    from service.storage.engine import Connection
    from service.storage.operator_session import Record

_COLUMNS = ("received_at", "command_type", "correlation_id", "payment_id", "state", "recovery_point", "attempts")
STATES = ("pending", "waiting", "done")


@click.group(cls=OperatorGroup, short_help="Commands: how far each is, how it was answered.")
def command() -> None:
    """Commands: how far each is, and how it was answered.

    States: pending (under way, or to be tried again), waiting (for the customer or Stripe), done (answered).
    cancel_hold is the service's own: a payment told "failed" must hold no money.

    \b
    cli.py command list --state pending --since 2h
    cli.py command show saga-17 --type revert_payment --json
    """


command.add_command(retry)
command.add_command(reopen)


@command.command("list")
@click.option("--state", type=click.Choice(STATES), help="In this state.")
@click.option("--type", "command_type", type=click.Choice(TYPES), help="Of this type.")
@payment_option
@span_options
@limit_option
@json_option
def list_(
    *,
    state: str | None,
    command_type: str | None,
    payment: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Commands by the time they came, newest first."""
    from service.storage.operator_reads import Span, list_commands

    with reading() as connection:
        found = list_commands(
            connection,
            state=state,
            command_type=command_type,
            payment_id=payment_id_called(connection, payment),
            span=Span(since, until),
            limit=limit + 1,
        )
    show_list(found, _COLUMNS, limit=limit, as_json=as_json)


@command.command()
@click.argument("correlation_id")
@type_option
@json_option
def show(correlation_id: str, command_type: str | None, *, as_json: bool) -> None:
    """One command with its content, its outcome, and the events that carried it."""
    from service.usecases.operations.answers import with_answers

    with reading() as connection:
        found = with_answers(connection, one(connection, correlation_id, command_type))
    show_record(found, as_json=as_json)


def one(connection: "Connection", correlation_id: str, command_type: str | None) -> "Record":
    """The command. Raises CannotError where there is none, or where the id has several and none is named."""
    from service.storage.operator_reads import commands_called

    found = commands_called(connection, correlation_id)
    chosen = [each for each in found if command_type in (None, each["command_type"])]
    if not chosen:
        others = f"; it has {', '.join(each['command_type'] for each in found)}" if found else ""
        raise CannotError(f"no {command_type or 'command'} {correlation_id} is accepted{others}")
    if len(chosen) > 1:
        types = ", ".join(each["command_type"] for each in found)
        raise CannotError(f"{correlation_id} has {types}; name one of them with --type")
    return chosen[0]
