"""``outbox prune``."""

from datetime import datetime

import click

from commandline.acts import act_options, dry_run_option, grounds
from commandline.connection import database
from commandline.failures import CannotError, confirm
from commandline.interruption import WorkInterruptedError
from commandline.options import MOMENT, json_option
from commandline.output import follow, show_record
from runtime.plurals import number_of


@click.command(short_help="Delete old rows that are published.")
@click.option("--before", type=MOMENT, default="30d", show_default=True, help="Written before this time; as --since.")
@dry_run_option
@act_options("--reason", required=False)
@json_option
def prune(*, before: datetime, dry_run: bool, because: str | None, operator: str, yes: bool, as_json: bool) -> None:
    """Delete old rows that every relay has published; what waits stays, however old it is.

    Rows go in short transactions, oldest first, so writers and the relay are not held up. What is pruned cannot be
    replayed any more. A checkpoint of a relay that is gone for good (RELAY_NAME changed) holds everything back.

    \b
    cli.py outbox prune --before 90d --dry-run
    cli.py outbox prune --before 90d --reason "monthly" --yes
    """
    from service.usecases.operations.retention import Pruning

    done = 0
    with database() as engine:
        planned = Pruning.plan(engine, before)
        rows = number_of(planned.rows, "row")
        click.echo(f"{rows}, published and written before {before:%Y-%m-%d %H:%M:%S} UTC", err=True)
        if planned.rows and not dry_run:
            why = grounds(operator, because)
            confirm("Delete them?", ask=not yes)
            planned.begin(engine, why)
            try:
                done = follow("pruning", planned.run(engine), total=planned.rows)
            except WorkInterruptedError as error:
                raise CannotError(
                    f"interrupted: {error.done} of {planned.rows} deleted; run it again to go on"
                ) from None
    if as_json:
        show_record({"matched": planned.rows, "pruned": done, "dry_run": dry_run}, as_json=True)
    elif not dry_run:
        click.echo(f"{done} deleted")
