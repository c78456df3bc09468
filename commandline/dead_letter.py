"""``dead-letter``: messages that could not be processed."""

from datetime import datetime

import click

from commandline.connection import reading
from commandline.dead_letter_acts import discard, resend, retry
from commandline.environment import OperatorGroup
from commandline.failures import CannotError
from commandline.options import json_option, limit_option, span_options
from commandline.output import Record, show_list, show_record

FIELDS = ("id", "reason", "topic", "partition", "offset", "received_at", "key", "value")
_COLUMNS = ("id", "reason", "received_at", "from", "correlation_id", "detail")
_STATES = ("open", "retried", "discarded")


@click.group("dead-letter", cls=OperatorGroup, short_help="Messages that could not be processed.")
def dead_letter() -> None:
    """Messages that could not be processed, kept whole with where they came from.

    Key and value are shown as text; bytes that are no UTF-8 as base64:… (so is text that begins with "base64:").

    \b
    cli.py dead-letter list --reason CORRELATION_ID_REUSED
    cli.py dead-letter show 17 --json
    cli.py dead-letter resend 17 --because "amount was a string, ticket 81"
    """


for late in (retry, resend, discard):
    dead_letter.add_command(late)


@dead_letter.command("list")
@click.option("--reason", help="With this reason, such as NOT_JSON.")
@click.option("--all", "all_", is_flag=True, help="Those already retried or discarded, too.")
@span_options
@limit_option
@json_option
def list_(
    *, reason: str | None, all_: bool, since: datetime | None, until: datetime | None, limit: int, as_json: bool
) -> None:
    """Dead letters that nobody has seen to, newest first."""
    from service.storage.operator_reads import Span, list_dead_letters
    from service.usecases.operations.letters import described

    states = _STATES if all_ else _STATES[:1]
    with reading() as connection:
        found = list_dead_letters(connection, states=states, reason=reason, span=Span(since, until), limit=limit + 1)
    shown = [_fields(each) if as_json else described(each) for each in found]
    show_list(shown, _COLUMNS, limit=limit, as_json=as_json)


@dead_letter.command()
@click.argument("id_", metavar="ID", type=int)
@json_option
def show(id_: int, *, as_json: bool) -> None:
    """One dead letter, whole; for people also what was wrong, and whether somebody has seen to it."""
    from service.storage.operator_reads import dead_letter as one
    from service.usecases.operations.letters import described

    with reading() as connection:
        found = one(connection, id_)
    if found is None:
        raise CannotError(f"no dead letter {id_}")
    show_record(_fields(found) if as_json else described(found), as_json=as_json)


def _fields(record: Record) -> Record:
    return {name: record[name] for name in FIELDS}
