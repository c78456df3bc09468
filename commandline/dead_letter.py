"""``dead-letter``: what could not be processed."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from commandline.connection import database, reading
from commandline.failures import CannotError, confirm
from commandline.options import json_option, limit_option, span_options
from commandline.output import Record, show_list, show_record

if TYPE_CHECKING:
    from service.storage.engine import Engine

FIELDS = ("id", "reason", "topic", "partition", "offset", "received_at", "key", "value")
_COLUMNS = FIELDS[:6]
_STATES = ("open", "retried", "discarded")


@click.group("dead-letter", short_help="Messages that could not be processed.")
def dead_letter() -> None:
    """Messages that could not be processed, kept whole with where they came from.

    Key and value are shown as text; bytes that are no UTF-8 as base64:… (so is text that begins with "base64:").

    \b
    cli.py dead-letter list --reason CORRELATION_ID_REUSED
    cli.py dead-letter show 17 --json
    """


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

    states = _STATES if all_ else _STATES[:1]
    with reading() as connection:
        found = list_dead_letters(connection, states=states, reason=reason, span=Span(since, until), limit=limit + 1)
    show_list([_fields(each) for each in found], _COLUMNS, limit=limit, as_json=as_json)


@dead_letter.command()
@click.argument("id_", metavar="ID", type=int)
@json_option
def show(id_: int, *, as_json: bool) -> None:
    """One dead letter, whole; for people also what was wrong, and whether somebody has seen to it."""
    from service.storage.operator_reads import dead_letter as one

    with reading() as connection:
        found = one(connection, id_)
    if found is None:
        raise CannotError(f"no dead letter {id_}")
    show_record(_fields(found) if as_json else found, as_json=as_json)


@dead_letter.command()
@click.argument("ids", metavar="ID...", type=int, nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def retry(ids: tuple[int, ...], *, yes: bool) -> None:
    """Put messages on their topic again, after the reason was mended: here, or where they came from.

    They go through the outbox and are read like any other. A command that was answered stays answered.
    """
    from service.usecases.operations.retries import retry_dead_letter

    confirm(f"Send {len(ids)} again?", ask=not yes)
    _each(ids, retry_dead_letter, "sent again")


@dead_letter.command()
@click.argument("ids", metavar="ID...", type=int, nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(ids: tuple[int, ...], *, yes: bool) -> None:
    """Note that nothing is to be done about messages. They stay in the database; list --all shows them."""
    from service.usecases.operations.retries import discard_dead_letter

    confirm(f"Discard {len(ids)}?", ask=not yes)
    _each(ids, discard_dead_letter, "discarded")


def _each(ids: tuple[int, ...], act: "Callable[[Engine, int], None]", done: str) -> None:
    with database() as engine:
        for id_ in ids:
            act(engine, id_)
            click.echo(f"{id_} {done}")


def _fields(record: Record) -> Record:
    return {name: record[name] for name in FIELDS}
