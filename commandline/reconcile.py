"""``payment reconcile``: payments compared with Stripe's truth, and repaired."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import click

from commandline.environment import SettingsCommand, load_settings
from commandline.failures import CannotError, database_faults
from commandline.options import MOMENT, json_option, payment_option
from commandline.output import show_list

if TYPE_CHECKING:
    from service.usecases.operations.sweep import Sweep

_COLUMNS = ("payment_id", "status", "stripe_status", "result", "detail")
_LEFT = frozenset({"undecided", "busy"})


_READ = (
    "database_url database_pool_size payment_events_topic stripe_secret_key stripe_api_base "
    "stripe_timeout revert_event_type command_deadline lease look_again action_deadline look_first"
).split()


@click.command(
    cls=SettingsCommand,
    settings="service.settings:CommandSettings",
    only=_READ,
    short_help="Compare payments with Stripe, and repair them.",
)
@payment_option
@click.option("--since", type=MOMENT, help="Every payment changed since, settled or not; as elsewhere.")
@click.option("--dry-run", is_flag=True, help="Say what would be repaired, and do nothing.")
@json_option
def reconcile(*, payment_id: UUID | None, since: datetime | None, dry_run: bool, as_json: bool) -> None:
    """Compare payments with Stripe's truth: open commands are taken up, a lost webhook is made up for.

    A plain run takes every payment and command that is not settled, and does not ask: it changes nothing twice, and
    never overwrites a status by older news. Exits 1 when something could not be decided.

    \b
    cli.py payment reconcile --dry-run
    cli.py payment reconcile --payment 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f
    """
    with _sweep() as sweep:
        chosen = [payment_id] if payment_id is not None else sweep.candidates(since)
        try:
            found = [sweep.examine(each, dry_run=dry_run).as_json() for each in chosen]
        except LookupError as error:
            raise CannotError(str(error)) from error
    show_list(found, _COLUMNS, limit=len(found), as_json=as_json)
    if any(finding["result"] in _LEFT for finding in found):
        raise SystemExit(1)


@contextmanager
def _sweep() -> Iterator["Sweep"]:
    from runtime import logs
    from service.settings import CommandSettings
    from service.wiring import sweeping

    settings = load_settings(CommandSettings, only=_READ)
    logs.configure("ERROR", "console", "reconcile")
    with database_faults(), sweeping(settings) as sweep:
        yield sweep
