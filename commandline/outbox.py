"""``outbox``: the rows to publish, and the progress of the relay."""

from datetime import datetime
from typing import Any

import click

from commandline.audit import audit
from commandline.connection import reading
from commandline.environment import OperatorGroup
from commandline.failures import CannotError
from commandline.options import json_option, limit_option, payment_option, span_options
from commandline.output import json_or_text, show_list, show_record
from commandline.payment_filter import payment_id_called
from commandline.replay import replay
from commandline.retention import prune
from commandline.tail import tail

_GAPS_SHOWN = 20
_WRITERS = ("pid", "application_name", "state", "xact_start", "wait_event_type")
_COLUMNS = ("position", "created_at", "type", "key", "sequence", "event_id", "replayed", "published")


@click.group(cls=OperatorGroup, short_help="The outbox: what waits, what is published, and publishing again.")
def outbox() -> None:
    """The outbox: everything written for Kafka, in order of position; nothing in it is ever changed.

    A row counts as published once the relay's checkpoint says so, which follows Kafka within a second.

    \b
    cli.py outbox stats
    cli.py outbox list --payment 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f
    cli.py outbox replay --type payment.released --since 2h --dry-run
    """


for late in (replay, prune, tail, audit):
    outbox.add_command(late)


@outbox.command()
@json_option
def stats(*, as_json: bool) -> None:
    """Rows by type, and for each relay how many wait, and since when.

    A gap is a position that a relay waits for. It ends with one of the writers: transactions that are open and have
    written to the outbox, the oldest first.
    """
    from service.storage.operator_relays import stats as figures

    with reading() as connection:
        found = figures(connection)
    if as_json:
        show_record(found, as_json=True)
        return
    relays, gaps, writers = (found.pop(name) for name in ("relays", "gaps", "writers"))
    show_record(found, as_json=False)
    if relays:
        show_list(relays, tuple(relays[0]), limit=len(relays), as_json=False)
    else:
        click.echo("no relay has published from here yet; start one: cli.py relay")
    if gaps:
        click.echo(f"gaps: {', '.join(str(gap['position']) for gap in gaps[:_GAPS_SHOWN])} ({len(gaps)} in all)")
        show_list(writers, _WRITERS, limit=len(writers), as_json=False)


@outbox.command("list")
@payment_option
@click.option("--type", "type_", help="Of this type, such as payment.failed.")
@span_options
@limit_option
@json_option
def list_(
    *,
    payment: str | None,
    type_: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Rows, replays among them, newest first."""
    from service.storage.operator_outbox import Selection, list_rows
    from service.storage.operator_reads import Span

    with reading() as connection:
        selection = Selection((), payment_id_called(connection, payment), type_, Span(since, until))
        found = list_rows(connection, selection, limit + 1)
    show_list([_opened(row) for row in found], _COLUMNS, limit=limit, as_json=as_json)


@outbox.command()
@click.argument("id_", metavar="ID")
@json_option
def show(id_: str, *, as_json: bool) -> None:
    """One row, by its event id or its position. An event's first row tells the positions of its replays."""
    with reading() as connection:
        found = _row(connection, id_)
    if found is None:
        raise CannotError(f"no event and no position {id_} in the outbox")
    show_record(_opened(found), as_json=as_json)


def _row(connection: Any, id_: str) -> dict[str, Any] | None:
    from service.domain.payment import as_uuid
    from service.storage.operator_outbox import row_at, rows_called

    event_id = as_uuid(id_)
    if event_id is None:
        return row_at(connection, int(id_)) if id_.isascii() and id_.isdigit() else None
    found = rows_called(connection, event_id)
    return {**found[0], "replays": [row["position"] for row in found[1:]]} if found else None


def _opened(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "value": json_or_text(row["value"]), "headers": dict(row["headers"])}
