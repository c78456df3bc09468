"""``command retry``: have commands that wait taken up at once."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from commandline.acts import ActOptions, Objects, act_on, ask, several_options
from commandline.batch import Skipped
from commandline.connection import database, reading
from commandline.environment import DatabaseCommand
from commandline.options import payment_option, span_options
from commandline.output import say, show_record
from commandline.payment_filter import payment_id_called
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
    payment: str | None,
    since: datetime | None,
    until: datetime | None,
    all_: bool,
    options: ActOptions,
) -> None:
    """Have commands that wait for their next attempt taken up at once, by whichever consumer is free.

    One by its correlation id, or all that wait of a type, a payment or a time. Safe at any time: what is done at
    Stripe is not done again. An answered command stays answered; one that is under way is left alone.

    \b
    cli.py command retry saga-17 --because "Stripe is back"
    cli.py command retry --type release_payment --until 15m --because "Stripe is back" --dry-run
    """
    from service.domain.commands.command import CommandKey
    from service.storage.operator_reads import Span
    from service.usecases.operations.errors import NotNeededError
    from service.usecases.operations.retries import retry_command

    why = options.grounds
    if correlation_id is not None:
        _retry_one(correlation_id, command_type, options)
        return
    if not (command_type or payment or since or until or all_):
        raise click.UsageError("say which: CORRELATION_ID, --type, --payment, --since, --until or --all")

    def one(engine: "Engine", each: "Record") -> str | Skipped:
        try:
            made_due = retry_command(engine, CommandKey(each["command_type"], each["correlation_id"]), why)
        except NotNeededError as error:
            return Skipped(str(error))
        return "due now" if made_due else Skipped("due already")

    act_on(_waiting(command_type, payment, Span(since, until)), _COMMANDS, "Retry", one, options)


def _retry_one(correlation_id: str, command_type: str | None, options: ActOptions) -> None:
    from commandline.command import one
    from service.domain.commands.command import CommandKey
    from service.usecases.operations.retries import retry_command

    with reading() as connection:
        found = one(connection, correlation_id, command_type)
    if not options.dry_run:
        ask("Retry", _COMMANDS.plural, [_name(found)], yes=options.yes)
        with database() as engine:
            if not retry_command(engine, CommandKey(found["command_type"], correlation_id), options.grounds):
                say(f"{_name(found)} is due already", err=True)
        with reading() as connection:
            found = one(connection, correlation_id, found["command_type"])
    show_record(found, as_json=options.as_json)


def _waiting(command_type: str | None, payment: str | None, span: Any) -> list[dict[str, Any]]:
    """The open commands that no worker has leased, and that are not due yet."""
    from service.storage.operator_overview import clock
    from service.storage.operator_reads import list_commands

    with reading() as connection:
        payment_id, now = payment_id_called(connection, payment), clock(connection)
        wanted: dict[str, Any] = {"payment_id": payment_id, "command_type": command_type, "span": span, "limit": None}
        found = [each for state in ("pending", "waiting") for each in list_commands(connection, state=state, **wanted)]
    return [each for each in found if each["lease_expires_at"] is None and each["next_attempt_at"] > now]


def _name(command: "Record") -> str:
    return f"{command['command_type']} {command['correlation_id']}"


_COMMANDS = Objects("commands", _COLUMNS, _name, _name)
