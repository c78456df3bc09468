"""``outbox tail``."""

import contextlib
import io
import json
import select
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from commandline.connection import reading
from commandline.environment import database_url
from commandline.failures import CannotError
from commandline.options import MOMENT
from commandline.output import json_or_text, say_json

if TYPE_CHECKING:
    from relay.log_reader import Row

_ROWS = 1000
_PAUSE_MILLISECONDS = 250


@click.command(short_help="Follow what is written, one JSON object a line.")
@click.option("--since", type=MOMENT, help="Begin with what was written from this time on; default: now.")
@click.option("--json", "_as_json", is_flag=True, help="As without it: this command prints JSON lines.")
def tail(*, since: datetime | None, _as_json: bool) -> None:
    """Follow the outbox until Ctrl-C: one JSON object a line, each row once, a payment's rows in order.

    Reads as the relay does: rows of transactions that commit late are not missed.

    \b
    cli.py outbox tail | jq .value.payload
    """
    try:
        for row in _rows(_begin(since)):
            say_json(_line(row))
    except KeyboardInterrupt:
        return


def _begin(since: datetime | None) -> int:
    from service.storage.operator_outbox import position_before

    with reading() as connection:
        return position_before(connection, since)


def _rows(after: int) -> Iterator["Row"]:
    """Raises CannotError when the database goes away or changes its past."""
    from psycopg2 import Error

    from relay.log_reader import DoubtError, LogReader
    from relay.outbox_source import PostgresOutbox
    from relay.positions import Settled

    try:
        outbox = PostgresOutbox(database_url())
        reader = LogReader(outbox, Settled(after), _ROWS, outbox.last_row(after))
        while True:
            batch = reader.read()
            yield from batch.rows
            if not batch.more and _is_gone():
                return
    except Error as error:
        raise CannotError(f"database: {str(error).splitlines()[0]}") from error
    except DoubtError as error:
        raise CannotError(f"{error}: the database was restored, or rows were pruned that were not shown yet") from error


def _is_gone() -> bool:
    """Whether the reader of a pipe closes it within a moment. A write would notice this only at the next row."""
    watch = select.poll()
    with contextlib.suppress(io.UnsupportedOperation):  # a test's stdout is no file
        watch.register(sys.stdout, 0)  # errors are always reported
    return bool(watch.poll(_PAUSE_MILLISECONDS))


def _line(row: "Row") -> dict[str, Any]:
    position, topic, key, value, headers, replayed, _ = row
    record: dict[str, Any] = {"position": position, "topic": topic, "key": key, "replayed": replayed}
    record |= {"headers": dict(json.loads(headers)), "value": json_or_text(value)}
    return record
