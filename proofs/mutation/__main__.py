"""`python -m proofs.mutation` removes each mechanism in turn; the tests of its guarantee must fail."""

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from devstack import leftovers
from proofs.mutation.mutant import Mutant, all_mutants
from proofs.mutation.trial import Run, Verdict, attempt

MUTANTS = all_mutants()

_WIDTH = 200
"""Of a table that goes to a file."""

_STYLE = {Verdict.CAUGHT: "green", Verdict.SURVIVED: "red", Verdict.UNCLEAR: "yellow"}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MUTANTS)), metavar="[NAME]...")
@click.option("--list", "listed", is_flag=True, help="Say what there is.")
@click.option("--at-once", type=click.IntRange(1), default=1, show_default=True, help="Trials under way at once.")
@click.option("--logs", is_flag=True, help="The end of pytest's output too, where nothing was caught.")
def main(names: tuple[str, ...], listed: bool, at_once: int, logs: bool) -> None:
    """Apply each mutant, or those of these names, to a copy of the tree, and run its tests there.

    The tests must fail as tests: a copy that does not import counts for nothing. Exits 1 if a mutant was not caught.
    """
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    mutants = [MUTANTS[name] for name in names or MUTANTS]
    if listed:
        for mutant in mutants:
            console.print(f"{mutant.name:28} {mutant.removed}", highlight=False, markup=False)
        return
    try:
        with ThreadPoolExecutor(at_once) as pool:
            trials = list(_reported(mutants, pool.map(attempt, mutants), console, logs=logs))
    except KeyboardInterrupt:
        leftovers.end()
        os._exit(130)  # the trials' threads would wait for the ends of their tests
    console.print(_table(mutants, trials))
    sys.exit(0 if all(run.verdict is Verdict.CAUGHT for trial in trials for run in trial) else 1)


def _reported(
    mutants: list[Mutant], trials: Iterable[list[Run]], console: Console, *, logs: bool
) -> Iterable[list[Run]]:
    for mutant, trial in zip(mutants, trials, strict=True):
        for run in trial:
            said = f"{mutant.name}: {run.verdict} in {run.seconds:.0f} s, {run.why}"
            console.print(said, style=_STYLE[run.verdict], highlight=False, markup=False, soft_wrap=True)
            if logs and run.verdict is not Verdict.CAUGHT:
                console.print(run.log, highlight=False, markup=False, soft_wrap=True)
        yield trial


def _table(mutants: list[Mutant], trials: list[list[Run]]) -> Table:
    table = Table(title="Mutants")
    for column in ("mutant", "removed", "test", ""):
        table.add_column(column, overflow="fold")
    for mutant, trial in zip(mutants, trials, strict=True):
        for number, run in enumerate(trial):
            first = ("", "") if number else (mutant.name, mutant.removed)
            test = escape(run.test.removeprefix("tests/"))
            table.add_row(*first, test, run.verdict, style=_STYLE[run.verdict])
    return table


if __name__ == "__main__":
    main()
