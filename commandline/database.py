"""``db``: migrations."""

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from commandline.environment import OperatorGroup, database_url
from commandline.failures import CannotError, database_faults
from commandline.options import DURATION, json_option
from commandline.output import show_record

if TYPE_CHECKING:
    from service.storage.collations import Drift

_AHEAD = ", of a later release than this one: nothing to do"


@click.group(cls=OperatorGroup, short_help="Migrations: upgrade, current, check.")
def db() -> None:
    """The database's schema: bring it to what this code expects, or say how far it is.

    Reads DATABASE_URL.
    """


@db.command()
@click.option("--wait", type=DURATION, default="10m", show_default=True, help="Longest wait for another migration.")
def upgrade(*, wait: timedelta) -> None:
    """Apply the migrations that are missing. Safe to run from several places at once."""
    from service.storage import migrate
    from service.storage.requirements import CannotMigrateError

    url = database_url()
    try:
        with database_faults():
            migrate.upgrade(url, patience_seconds=wait.total_seconds(), say=partial(click.echo, err=True))
            state = migrate.current(url)
    except CannotMigrateError as error:
        raise CannotError(str(error)) from error
    click.echo(f"schema is at {state.current}{_AHEAD if state.is_ahead else ''}")


@db.command()
@json_option
def current(*, as_json: bool) -> None:
    """Say where the schema stands."""
    _show(as_json=as_json)


@db.command(short_help="Exit 0 when this code works with the schema.")
@json_option
def check(*, as_json: bool) -> None:
    """Exit 0 when the schema is the one this code expects or that of a later release, else 1 and say what to run.

    Warns on stderr of indexes whose text has changed its order; that does not change the exit code.
    """
    for drift in _drifts():
        click.echo(f"warning: {drift.detail}; {drift.mend}", err=True)
    if not _show(as_json=as_json):
        raise CannotError("the schema is not the one this code expects; run: cli.py db upgrade")


def _drifts() -> "list[Drift]":
    from service.storage.collations import drifted
    from service.storage.engine import connect_for_migration

    with database_faults(), connect_for_migration(database_url()) as connection:
        return drifted(connection)


def _show(*, as_json: bool) -> bool:
    from service.storage import migrate

    with database_faults():
        state = migrate.current(database_url())
    if as_json:
        show_record({"current": state.current, "head": state.head, "at_head": state.at_head}, as_json=True)
    else:
        click.echo(f"schema is at {state.current or 'nothing'}, this code expects {state.head}")
    return state.fits
