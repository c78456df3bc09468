"""``command retry``: have commands that wait taken up at once."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from commandline.acts import ActOptions, Objects, act_on, several_options
from commandline.connection import database, reading
from commandline.environment import DatabaseCommand
from commandline.options import payment_option, span_options
from commandline.output import show_record
from commandline.reopen import TYPES

if TYPE_CHECKING:
    from service.storage.engine import Engine
    from service.storage.operator_session import Record

_COLUMNS = ("command_type", "correlation_id", "payment_id", "state", "attempts", "next_attempt_at", "last_error")


@click.command(cls=DatabaseCommand, short_help="Have commands that wait taken up at once.")
@click.argument("correlation_id", required=False)
@click.option("--type", "command_type", type=click.Choice(TYPES), help="Of this type.")
@payment_option
@span_options
@click.option("--all", "all_", is_flag=True, help="Every command that is open.")
@several_options("--reason")
def retry(
    correlation_id: str | None,
    *,
    command_type: str | None,
    payment_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
    all_: bool,
    options: ActOptions,
) -> None:
    """Have commands that wait for their next attempt taken up at once, by whichever consumer is free.

    One by its correlation id, or all open ones of a type, a payment or a time. Safe at any time: what is done at
    Stripe is not done again. An answered command stays answered; one that is under way is left alone.

    \b
    cli.py command retry saga-17 --because "Stripe is back"
    cli.py command retry --type release_payment --until 15m --because "Stripe is back" --dry-run
    """
    from service.domain.commands.command import CommandKey
    from service.storage.operator_reads import Span
    from service.usecases.operations.retries import retry_command

    why = options.grounds
    if correlation_id is not None:
        _retry_one(correlation_id, command_type, why, dry_run=options.dry_run, as_json=options.as_json)
        return
    if not (command_type or payment_id or since or until or all_):
        raise click.UsageError("say which: CORRELATION_ID, --type, --payment, --since, --until or --all")

    def one(engine: "Engine", each: "Record") -> str:
        retry_command(engine, CommandKey(each["command_type"], each["correlation_id"]), why)
        return "due now"

    act_on(_waiting(command_type, payment_id, Span(since, until)), _COMMANDS, "Retry", one, options)


def _retry_one(correlation_id: str, command_type: str | None, why: Any, *, dry_run: bool, as_json: bool) -> None:
    from commandline.command import one
    from service.domain.commands.command import CommandKey
    from service.usecases.operations.retries import retry_command

    with reading() as connection:
        found = one(connection, correlation_id, command_type)
    if not dry_run:
        with database() as engine:
            retry_command(engine, CommandKey(found["command_type"], correlation_id), why)
        with reading() as connection:
            found = one(connection, correlation_id, found["command_type"])
    show_record(found, as_json=as_json)


def _waiting(command_type: str | None, payment_id: UUID | None, span: Any) -> list[dict[str, Any]]:
    """The open commands that no worker has leased."""
    from service.storage.operator_reads import list_commands

    wanted = {"command_type": command_type, "payment_id": payment_id, "span": span, "limit": None}
    with reading() as connection:
        found = [each for state in ("pending", "waiting") for each in list_commands(connection, state=state, **wanted)]
        return [each for each in found if each["lease_expires_at"] is None]


def _name(command: "Record") -> str:
    return f"{command['command_type']} {command['correlation_id']}"


_COMMANDS = Objects("commands", _COLUMNS, _name, _name)
