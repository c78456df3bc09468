"""``command reopen``: run a command that failed once more."""

from typing import TYPE_CHECKING, Any

import click

from commandline.acts import act_options, grounds
from commandline.connection import database, reading
from commandline.environment import SettingsCommand, load_settings
from commandline.failures import confirm
from commandline.options import json_option
from commandline.output import show_record

if TYPE_CHECKING:
    from service.domain.next_step import Policy

_READ = ("database_url", "revert_event_type", "look_again", "action_deadline")
TYPES = ("authorize_payment", "release_payment", "revert_payment", "cancel_hold")

type_option = click.option("--type", "command_type", type=click.Choice(TYPES), help="Which, where the id has several.")


@click.command(
    cls=SettingsCommand,
    settings="service.settings:CommandSettings",
    only=_READ,
    short_help="Run a command that failed once more.",
)
@click.argument("correlation_id")
@type_option
@act_options("--reason")
@json_option
def reopen(
    correlation_id: str, command_type: str | None, *, because: str, operator: str, yes: bool, as_json: bool
) -> None:
    """Run a release or revert that was answered with payment.failed once more, under its own correlation id.

    For a caller who has one correlation id for a whole saga, and so cannot ask again. A consumer takes it up and
    looks at Stripe before each step: what is done there is not done again. A new event with an id of its own answers
    it. Refused: what was answered otherwise, what would overtake another command, what would fail again as things are.

    \b
    cli.py command reopen saga-17 --type revert_payment --because "balance topped up, ticket 81"
    """
    from commandline.command import one
    from service.domain.commands.command import CommandKey
    from service.usecases.operations.answers import with_answers
    from service.usecases.operations.reopening import check, reopen_command

    why, policy = grounds(operator, because), _policy()
    with reading() as connection:
        found = with_answers(connection, one(connection, correlation_id, command_type))
    key = CommandKey(found["command_type"], correlation_id)
    with database() as engine:
        check(engine, key, policy)
        confirm(_question(found), ask=not yes)
        reopen_command(engine, key, why, policy)
    with reading() as connection:
        show_record(one(connection, correlation_id, key.command_type), as_json=as_json)


def _question(command: dict[str, Any]) -> str:
    outcome = command["outcome"] or {}
    failure = f"{outcome.get('error', 'payment.failed')}: {outcome.get('message', 'its event is pruned')}"
    return f"{command['command_type']} {command['correlation_id']} failed ({failure}). Run it once more?"


def _policy() -> "Policy":
    from service.domain.next_step import Policy
    from service.settings import CommandSettings

    found = load_settings(CommandSettings, only=_READ, stripe_secret_key="none")  # noqa: S106
    return Policy(found.revert_event_type, found.look_again, found.action_deadline)
