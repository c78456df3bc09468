"""``outbox replay``: publish again."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import click

from commandline.connection import database
from commandline.failures import confirm
from commandline.options import json_option, span_options
from commandline.output import follow, show_record

if TYPE_CHECKING:
    from service.storage.engine import Engine
    from service.usecases.operations.replay import Replay


@click.command(short_help="Publish rows again, under their old event ids.")
@click.option("--id", "event_ids", type=click.UUID, multiple=True, help="This event; may be given several times.")
@click.option("--payment", "payment_id", type=click.UUID, help="Everything about this payment.")
@click.option("--type", "type_", help="Of this type, such as payment.released.")
@span_options
@click.option("--dry-run", is_flag=True, help="Say what would be published again, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def replay(
    *,
    event_ids: tuple[UUID, ...],
    payment_id: UUID | None,
    type_: str | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Publish rows again: appended anew in their order, with their event ids (ce_id), sequences and content.

    On Kafka each carries the header "replayed: true", and readers that keep each ce_id drop what they have seen; one
    that does not acts on it again, and a saga may move back (docs/readers.md). At least one selector is needed;
    several narrow each other. Replays themselves are never replayed. Asks first, unless --yes; a no exits 1. If it is
    interrupted, what was appended until then is published.

    \b
    cli.py outbox replay --payment 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f --dry-run
    cli.py outbox replay --since 2026-01-31T08:00Z --until 2026-01-31T09:00Z --yes
    """
    from service.storage.operator_outbox import Selection
    from service.storage.operator_reads import Span
    from service.usecases.operations.replay import Replay

    if not (event_ids or payment_id or type_ or since or until):
        raise click.UsageError("say what: --id, --payment, --type, --since or --until")
    with database() as engine:
        planned = Replay.plan(engine, Selection(event_ids, payment_id, type_, Span(since, until)))
        _say(planned)
        done = 0 if dry_run or not planned.extent.rows else _run(planned, engine, ask=not yes)
    if as_json:
        show_record({"matched": planned.extent.rows, "replayed": done, "dry_run": dry_run}, as_json=True)
    elif not dry_run:
        click.echo(f"{done} appended; the relay publishes them")


def _say(planned: "Replay") -> None:
    extent = planned.extent
    if not extent.rows:
        click.echo("nothing matches", err=True)
        return
    click.echo(f"{extent.rows} rows of {extent.keys} keys, positions {extent.first} to {extent.last}", err=True)
    sends = f"{extent.commands} commands, {extent.events} events and {extent.dead_letters} dead letters"
    click.echo(f"{sends} go out once more: a reader who keeps no ce_id acts on them again", err=True)


def _run(planned: "Replay", engine: "Engine", *, ask: bool) -> int:
    confirm("Publish them again?", ask=ask)
    return follow("replaying", planned.run(engine), total=planned.extent.rows)
