"""`python -m bench`: measures the service beside a limit and a peer in the same run."""

import sys
from contextlib import closing
from dataclasses import asdict, replace

import click
from rich.console import Console

from bench.report import save, show
from bench.scale import TINY, Scale
from bench.servers import Servers
from bench.suite import BENCHMARKS
from devstack.kafka_install import KafkaUnavailableError
from devstack.postgres_install import PostgresUnavailableError

_WIDTH = 150
"""Of a table that goes to a file."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)), metavar="[NAME]...")
@click.option("--full", is_flag=True, help="Growth, retention and peers too.")
@click.option("--tiny", is_flag=True, help="A few of each, to see that it works; the figures say nothing.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds of each (3).")
@click.option("--list", "listed", is_flag=True, help="Say what there is.")
def main(names: tuple[str, ...], full: bool, tiny: bool, rounds: int | None, listed: bool) -> None:
    """Measure all of the quick set, or the benchmarks of these names."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    if listed:
        for name, benchmark in BENCHMARKS.items():
            console.print(f"{name:12} {benchmark.title}{'' if benchmark.quick else ' (with --full)'}", highlight=False)
        return
    wanted = names or [name for name, benchmark in BENCHMARKS.items() if benchmark.quick or full]
    scale = TINY if tiny else Scale()
    scale = replace(scale, rounds=rounds or scale.rounds)
    try:
        with closing(Servers()) as servers:
            for name in wanted:
                result = BENCHMARKS[name].run(servers, scale)
                show(BENCHMARKS[name].title, result, console)
                if not tiny:
                    console.print(f"  {save(name, result, asdict(scale))}", highlight=False)
    except (KafkaUnavailableError, PostgresUnavailableError) as error:
        raise click.ClickException(f"benchmarks need real PostgreSQL and Apache Kafka: {error}") from error


if __name__ == "__main__":
    main()
