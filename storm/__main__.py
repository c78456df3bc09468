"""`python -m storm`: many sagas at once while consumer, relay, service, PostgreSQL and Kafka are killed at random."""

import os
import sys

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from devstack import leftovers
from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import KafkaUnavailableError, find_install
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.service_process import migrate
from storm.plan import make_plan
from storm.report import show
from storm.run import Result, run
from storm.world import World
from tests.support.topics import unique_topics


@click.command()
@click.option("--sagas", type=click.IntRange(1), default=1000, show_default=True, help="How many sagas.")
@click.option("--kills", type=click.IntRange(0), default=200, show_default=True, help="How many kill -9.")
@click.option("--seed", type=int, default=1, show_default=True, help="Who, what and in which order.")
@click.option("--at-once", type=click.IntRange(1), default=100, show_default=True, help="Sagas under way at once.")
def main(sagas: int, kills: int, seed: int, at_once: int) -> None:
    """Many sagas at once while everything they stand on is killed at random.

    Ends with a table; exits 1 unless nothing was lost, doubled, out of order or done twice. The seed decides the
    sagas, the victims and both orders; how the work falls in between is up to the clock.
    """
    console = Console()
    try:
        result = _storm(console, sagas=sagas, kills=kills, seed=seed, at_once=at_once)
    except KafkaUnavailableError as error:
        raise click.ClickException(f"a storm needs Apache Kafka: {error}") from error
    except KeyboardInterrupt:
        leftovers.end()
        os._exit(130)  # the sagas' threads would wait for their answers
    show(result, console)
    sys.exit(0 if result.clean else 1)


def _storm(console: Console, *, sagas: int, kills: int, seed: int, at_once: int) -> Result:
    console.print(f"{sagas} sagas, {kills} kills, seed {seed}. Starting PostgreSQL, Kafka, Stripe and the service.")
    postgres = EmbeddedPostgres()
    kafka = ApacheKafka(find_install(console.print))
    try:
        postgres.start()
        kafka.start()
        database_url = postgres.databases.create("storm")
        migrate(database_url)
        with World(postgres, database_url, kafka, unique_topics(), seed) as world, _bar(console) as bar:
            over, killed = bar.add_task("sagas", total=sagas), bar.add_task("kills", total=kills)

            def told(sagas_over: int, kills_survived: int) -> None:
                bar.update(over, completed=sagas_over)
                bar.update(killed, completed=kills_survived)

            return run(make_plan(sagas, kills, seed), world, at_once=at_once, told=told)
    finally:
        kafka.close()
        postgres.close()


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


if __name__ == "__main__":
    main()
