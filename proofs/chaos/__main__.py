"""`python -m proofs.chaos`: many sagas at once while processes, servers and networks fail at random."""

import os
import sys
from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from devstack import leftovers
from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import KafkaUnavailableError, find_install
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.service_process import migrate
from devstack.topics import unique_topics
from proofs.chaos.network import DOORS
from proofs.chaos.plan import Attack, Plan, attacks_named, make_plan
from proofs.chaos.report import show
from proofs.chaos.run import Result, run
from proofs.chaos.world import Delivery, World

_BROKER_SETTINGS = {"auto.create.topics.enable": "false"}
"""The setting of a careful operator: rows for a missing topic have to wait."""


@click.command()
@click.option("--sagas", type=click.IntRange(1), default=1000, show_default=True, help="How many sagas.")
@click.option("--faults", "--kills", "faults", type=click.IntRange(0), default=200, show_default=True, help="How many.")
@click.option("--only", default="", help="Only faults whose name holds this: silent, killed, locked, restored …")
@click.option("--seed", type=int, default=1, show_default=True, help="Who, what and in which order.")
@click.option("--at-once", type=click.IntRange(1), default=100, show_default=True, help="Sagas under way at once.")
@click.option("--logs", type=click.Path(path_type=Path), help="A directory in which the processes' logs are kept.")
@click.option("--delivery", type=click.Choice(get_args(Delivery)), default="exactly-once", show_default=True)
def main(sagas: int, faults: int, only: str, seed: int, at_once: int, logs: Path | None, delivery: Delivery) -> None:
    """Run many sagas at once while processes, servers and networks fail at random.

    Ends with a table; exits 1 unless nothing was lost, doubled, out of order or done twice, and each outage was
    reported. With at-least-once delivery the library of the published sagas reads beside the audit's own reader.
    Records that only a frozen or silent relay can repeat are shown, but not counted as wrong.

    The seed decides the sagas, the faults and both orders; the interleaving of the work depends on the clock.
    """
    console = Console()
    attacks = attacks_named(only)
    if not attacks:
        raise click.BadParameter(f"no fault is called that; there are: {', '.join(Attack)}", param_hint="--only")
    try:
        result = _attack(
            console, make_plan(sagas, faults, seed, attacks), seed=seed, at_once=at_once, logs=logs, delivery=delivery
        )
    except KafkaUnavailableError as error:
        raise click.ClickException(f"a chaos run needs Apache Kafka: {error}") from error
    except KeyboardInterrupt:
        leftovers.end()
        os._exit(130)  # the sagas' threads would wait for their answers
    show(result, console)
    sys.exit(0 if result.clean else 1)


def _attack(console: Console, plan: Plan, *, seed: int, at_once: int, logs: Path | None, delivery: Delivery) -> Result:
    sagas, faults = len(plan.sagas), len(plan.faults)
    console.print(f"{sagas} sagas, {faults} faults, seed {seed}. Starting PostgreSQL, Kafka, Stripe and the service.")
    postgres = EmbeddedPostgres()
    kafka = ApacheKafka(find_install(console.print), _BROKER_SETTINGS, doors=DOORS)
    try:
        postgres.start()
        kafka.start()
        database_url = postgres.databases.create("chaos")
        migrate(database_url)
        world_of = World(postgres, database_url, kafka, unique_topics(), seed, delivery)
        with world_of as world, _bar(console) as bar:
            over, struck = bar.add_task("sagas", total=sagas), bar.add_task("faults", total=faults)

            def show_progress(sagas_over: int, faults_injected: int) -> None:
                bar.update(over, completed=sagas_over)
                bar.update(struck, completed=faults_injected)

            try:
                return run(plan, world, at_once=at_once, on_progress=show_progress)
            finally:
                if logs is not None:
                    world.keep_logs(logs)
    finally:
        kafka.close()
        postgres.close()


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


if __name__ == "__main__":
    main()
