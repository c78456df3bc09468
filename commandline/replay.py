"""``outbox replay``: publish again."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from commandline.acts import act_options, dry_run_option, grounds
from commandline.connection import database
from commandline.environment import load_settings
from commandline.failures import CannotError, confirm
from commandline.interruption import WorkInterruptedError
from commandline.options import json_option, payment_option, span_options
from commandline.output import follow, show_record
from commandline.payment_filter import payment_id_called
from runtime.plurals import number_of

if TYPE_CHECKING:
    from service.storage.engine import Engine
    from service.storage.operator_outbox import Selection
    from service.usecases.operations.replay import Replay


@click.command(short_help="Publish rows again, under their old event ids.")
@click.option("--id", "event_ids", type=click.UUID, multiple=True, help="This event; may be given several times.")
@payment_option
@click.option("--order", "order_id", metavar="ID", help="Everything about the payments of this order.")
@click.option("--type", "type_", help="Of this type, such as payment.released.")
@span_options
@click.option("--resume", "replay_id", type=click.UUID, metavar="REPLAY", help="Go on with this replay.")
@click.option("--force", is_flag=True, help="Also what is older than REPLAY_WINDOW.")
@dry_run_option
@act_options("--reason", required=False)
@json_option
def replay(
    *,
    event_ids: tuple[UUID, ...],
    payment: str | None,
    order_id: str | None,
    type_: str | None,
    since: datetime | None,
    until: datetime | None,
    replay_id: UUID | None,
    **how: Any,
) -> None:
    """Publish rows again: appended anew in their order, with their event ids (ce_id), sequences and content.

    On Kafka each carries the header "replayed: true", and readers that keep each ce_id drop what they have seen; one
    that does not acts on it again, and a saga may move back (docs/readers.md). At least one selector is needed;
    several narrow each other. Replays themselves are never replayed. Asks first, unless --yes; a no exits 1.

    Refuses what is older than REPLAY_WINDOW (default: 7d): readers may have forgotten its ce_id. A replay has an id. If
    it is interrupted, --resume goes on where it stopped, for the same reason, and no row is appended twice.

    \b
    cli.py outbox replay --order order-17 --dry-run
    cli.py outbox replay --since 2026-01-31T08:00Z --until 2026-01-31T09:00Z --reason "search lost its index" --yes
    cli.py outbox replay --resume 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f
    """
    from service.storage.operator_outbox import Selection
    from service.storage.operator_reads import Span
    from service.storage.operator_session import reading as snapshot

    selectors = (event_ids, payment, order_id, type_, since, until)
    if any(selectors) == (replay_id is not None):
        raise click.UsageError("say what: --id, --payment, --order, --type, --since or --until; or --resume alone")
    with database() as engine:
        with snapshot(engine) as connection:
            payment_id = payment_id_called(connection, payment)
        selection = Selection(event_ids, payment_id, type_, Span(since, until), order_id)
        _replay(engine, selection, replay_id, **how)


def _replay(
    engine: "Engine",
    selection: "Selection",
    replay_id: UUID | None,
    *,
    force: bool,
    dry_run: bool,
    because: str | None,
    operator: str,
    yes: bool,
    as_json: bool,
) -> None:
    from service.usecases.operations.replay import Replay

    planned = Replay.plan(engine, selection) if replay_id is None else Replay.find(engine, replay_id)
    _say(planned)
    left, done = planned.extent.rows - planned.done, 0
    if left and not dry_run:
        why = grounds(operator, planned.reason if because is None else because)
        _refuse_old(planned, force=force)
        confirm("Publish them again?", ask=not yes)
        (planned.begin if replay_id is None else planned.resume)(engine, why)
        done = _run(planned, engine, force=force)
    if as_json:
        shown = {"matched": planned.extent.rows, "replayed": done, "dry_run": dry_run}
        show_record({**shown, "replay_id": str(planned.id) if done or replay_id else None}, as_json=True)
    elif not dry_run:
        click.echo(f"{done} appended; the relay publishes them")


def _say(planned: "Replay") -> None:
    extent = planned.extent
    if not extent.rows:
        click.echo("nothing matches", err=True)
        return
    rows, keys = number_of(extent.rows, "row"), number_of(extent.keys, "key")
    click.echo(f"{rows} of {keys}, positions {extent.first} to {extent.last}", err=True)
    if planned.done:
        click.echo(f"appended already: {planned.done}", err=True)
    kinds = {"command": extent.commands, "event": extent.events, "dead letter": extent.dead_letters}
    commands, events, letters = (number_of(number, kind) for kind, number in kinds.items())
    sends = f"{commands}, {events} and {letters}"
    click.echo(f"{sends} go out once more: a reader who keeps no ce_id acts on them again", err=True)


def _refuse_old(planned: "Replay", *, force: bool) -> None:
    """Raises CannotError."""
    from service.settings import OperatorSettings

    window = load_settings(OperatorSettings, only=("database_url", "replay_window")).replay_window
    if planned.is_older_than(window) and not force:
        raise CannotError(
            f"the oldest row is of {planned.extent.oldest:%Y-%m-%d %H:%M} UTC, before REPLAY_WINDOW ({window}): "
            "readers may have forgotten its ce_id, and act on it again; narrow it by --since, or add --force"
        )


def _run(planned: "Replay", engine: "Engine", *, force: bool) -> int:
    resume = f"cli.py outbox replay --resume {planned.id}{' --force' if force else ''}"
    click.echo(f"replay {planned.id}; if it is interrupted: {resume}", err=True)
    try:
        return follow("replaying", planned.run(engine), total=planned.extent.rows - planned.done)
    except WorkInterruptedError as error:
        reached = f"{planned.done + error.done} of {planned.extent.rows} appended"
        raise CannotError(f"interrupted: {reached}; go on: {resume}") from None
