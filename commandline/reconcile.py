"""``payment reconcile``: compares payments with Stripe and repairs them, and recovers the losses of a restore."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from commandline.acts import grounds, grounds_options
from commandline.environment import SettingsCommand, load_settings
from commandline.failures import CannotError, database_faults, stripe_faults
from commandline.options import MOMENT, json_option, payment_option
from commandline.output import counting, show_list
from commandline.stderr_log import log_to_stderr

if TYPE_CHECKING:
    from service.domain.operator_acts import Grounds
    from service.usecases.operations.recovery import Recovery
    from service.usecases.operations.sweep import Sweep
    from service.usecases.reconcile import Finding

_COLUMNS = ("payment_id", "status", "stripe_status", "result", "detail")
_LEFT = frozenset({"undecided", "busy", "lost"})
_CLOCKS = timedelta(minutes=10)
"""The largest difference allowed between Stripe's clock and ours."""

_READ = (
    "database_url database_pool_size payment_events_topic stripe_secret_key stripe_api_base "
    "stripe_timeout revert_event_type command_deadline lease look_again action_deadline look_first"
).split()
_READ_AFTER_A_RESTORE = (
    *_READ,
    *"payment_commands_topic consumer_group_id default_currency".split(),
    *"kafka_bootstrap_servers kafka_security_protocol kafka_config".split(),
)


@click.command(
    cls=SettingsCommand,
    settings="consumer.settings:ConsumerSettings",
    only=_READ_AFTER_A_RESTORE,
    short_help="Compare payments with Stripe, and repair them.",
)
@payment_option
@click.option("--since", type=MOMENT, help="Every payment that changed since then, here, at Stripe or in the topics.")
@click.option("--all", "everything", is_flag=True, help="Every payment here, at Stripe and in the topics.")
@click.option("--dry-run", is_flag=True, help="Say what would be repaired, and do nothing.")
@grounds_options("--reason", required=False, default="Stripe is right")
@json_option
def reconcile(
    *,
    payment_id: UUID | None,
    since: datetime | None,
    everything: bool,
    dry_run: bool,
    because: str,
    operator: str,
    as_json: bool,
) -> None:
    """Compare payments with Stripe's truth: open commands are taken up, a lost webhook is made up for.

    A plain run takes every payment and command that is not settled, and does not ask: it changes nothing twice, and
    never overwrites a status by older news. With --since the time of a backup, or --all, it also finds what a restored
    database lost: it reads the topics and Stripe's lists, runs the lost commands again in their order, and appends the
    lost messages as readers have seen them. A command whose outcome was published does nothing at Stripe. Run it after
    a restore, before the processes start. Only these two need Kafka. Each payment that changes gets an act with the
    reason. Exits 1 when something could not be decided.

    \b
    cli.py payment reconcile --dry-run
    cli.py payment reconcile --payment 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f
    cli.py payment reconcile --since 2026-01-31T02:00Z
    """
    if (payment_id is not None) + (since is not None) + everything > 1:
        raise click.UsageError("give one of --payment, --since and --all")
    why = grounds(operator, because)
    if since is not None or everything:
        found = _recover(None if everything else since, why, dry_run=dry_run)
    else:
        found = _sweep(payment_id, why, dry_run=dry_run)
    show_list([each.as_json() for each in found], _COLUMNS, limit=len(found), as_json=as_json)
    if any(finding.result in _LEFT for finding in found):
        raise SystemExit(1)


def _sweep(payment_id: UUID | None, why: "Grounds", *, dry_run: bool) -> list["Finding"]:
    with _sweeping(why) as sweep, counting() as count:
        found = []
        try:
            for each in [payment_id] if payment_id is not None else sweep.candidates():
                found.append(sweep.examine(each, dry_run=dry_run))
                count("payments", 1)
        except LookupError as error:
            raise CannotError(str(error)) from error
        return found


@contextmanager
def _sweeping(why: "Grounds") -> Iterator["Sweep"]:
    from service.settings import CommandSettings
    from service.wiring import sweeping

    settings = load_settings(CommandSettings, only=_READ)
    log_to_stderr("reconcile")
    with database_faults(), sweeping(settings, grounds=why) as sweep:
        yield sweep


def _recover(since: datetime | None, why: "Grounds", *, dry_run: bool) -> list["Finding"]:
    """All losses since then, and all payments that anything happened to; ``since`` None: ever."""
    from commandline.lost import read_losses
    from consumer.settings import ConsumerSettings
    from service.wiring import recovering

    settings = load_settings(ConsumerSettings, only=_READ_AFTER_A_RESTORE)
    log_to_stderr("reconcile")
    losses = read_losses(settings, since)
    recovered = recovering(settings, losses, grounds=why)
    with database_faults(), stripe_faults(), counting() as count, recovered as recovery:
        seen = recovery.moved_at_stripe(_window(since), count)
        chosen = {*recovery.touched(), *seen}
        if not dry_run:
            for done in recovery.bring_back():
                count("lost commands", done)
        chosen |= set(recovery.sweep.candidates(since, every=since is None))
        found = _examined(recovery, chosen, seen, count, dry_run=dry_run)
        if not dry_run:
            recovery.append_messages()
        return found


def _window(since: datetime | None) -> Any:
    from service.domain.books import Window

    begin = datetime(2010, 1, 1, tzinfo=UTC) if since is None else since - _CLOCKS
    return Window(begin.replace(microsecond=0), (datetime.now(UTC) + _CLOCKS).replace(microsecond=0))


def _examined(
    recovery: "Recovery",
    chosen: Collection[UUID],
    seen: dict[UUID, str],
    count: Callable[[str, int], None],
    *,
    dry_run: bool,
) -> list["Finding"]:
    found = []
    for payment_id in sorted(chosen):
        found.append(recovery.examine(payment_id, seen, dry_run=dry_run))
        count("payments", 1)
    return [*found, *recovery.others(dry_run=dry_run)]
