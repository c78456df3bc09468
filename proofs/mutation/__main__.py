"""`python -m proofs.mutation`: every mechanism taken out in turn; its tests must notice."""

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from devstack import leftovers
from proofs.mutation.mechanism import Mechanism
from proofs.mutation.table import MECHANISMS
from proofs.mutation.trial import Run, Verdict, attempt

_WIDTH = 200
"""Of a table that goes to a file."""

_STYLE = {Verdict.CAUGHT: "green", Verdict.SURVIVED: "red", Verdict.UNCLEAR: "yellow"}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MECHANISMS)), metavar="[NAME]...")
@click.option("--list", "listed", is_flag=True, help="Say what there is.")
@click.option("--at-once", type=click.IntRange(1), default=1, show_default=True, help="Trials under way at once.")
@click.option("--logs", is_flag=True, help="The end of pytest's output too, where nothing was caught.")
def main(names: tuple[str, ...], listed: bool, at_once: int, logs: bool) -> None:
    """Take all mechanisms out of a copy of the tree, one by one, or those of these names.

    The tests of each must fail then, as tests: not because the copy does not import. Exits 1 when one does not.
    """
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    mechanisms = [MECHANISMS[name] for name in names or MECHANISMS]
    if listed:
        for mechanism in mechanisms:
            console.print(f"{mechanism.name:28} {mechanism.removed}", highlight=False, markup=False)
        return
    try:
        with ThreadPoolExecutor(at_once) as pool:
            trials = list(_told(mechanisms, pool.map(attempt, mechanisms), console, logs=logs))
    except KeyboardInterrupt:
        leftovers.end()
        os._exit(130)  # the trials' threads would wait for the ends of their tests
    console.print(_table(mechanisms, trials))
    sys.exit(0 if all(run.verdict is Verdict.CAUGHT for trial in trials for run in trial) else 1)


def _told(
    mechanisms: list[Mechanism], trials: Iterable[list[Run]], console: Console, *, logs: bool
) -> Iterable[list[Run]]:
    for mechanism, trial in zip(mechanisms, trials, strict=True):
        for run in trial:
            said = f"{mechanism.name}: {run.verdict} in {run.seconds:.0f} s, {run.why}"
            console.print(said, style=_STYLE[run.verdict], highlight=False, markup=False, soft_wrap=True)
            if logs and run.verdict is not Verdict.CAUGHT:
                console.print(run.log, highlight=False, markup=False, soft_wrap=True)
        yield trial


def _table(mechanisms: list[Mechanism], trials: list[list[Run]]) -> Table:
    table = Table(title="Mechanisms taken out")
    for column in ("mechanism", "removed how", "test", ""):
        table.add_column(column, overflow="fold")
    for mechanism, trial in zip(mechanisms, trials, strict=True):
        for number, run in enumerate(trial):
            first = ("", "") if number else (mechanism.name, mechanism.removed)
            test = escape(run.test.removeprefix("tests/"))
            table.add_row(*first, test, run.verdict, style=_STYLE[run.verdict])
    return table


if __name__ == "__main__":
    main()
