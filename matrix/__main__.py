"""`python -m matrix` tests all pairs one after the other, and then writes the page."""

import platform
import shutil
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click
import confluent_kafka

from devstack.processes import scratch_directory
from devstack.service_process import ROOT
from matrix.page import NOT_RUN, PASSED, Page, Row, read, rendered
from matrix.pairs import Pair, pairs
from matrix.trial import attempt

_PAGE = ROOT / "docs" / "compatibility.md"


@click.command()
@click.argument("picked", nargs=-1, metavar="[POSTGRES:KAFKA]...")
@click.option("--every", is_flag=True, help="Each PostgreSQL with each Kafka, not only with the default Kafka.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), default=_PAGE, help="The file to write.")
def main(picked: tuple[str, ...], *, every: bool, page: Path) -> None:
    """Run the core of the tests with each version of PostgreSQL and Kafka, and write docs/compatibility.md.

    With pairs as arguments, such as 14:4.2.2, only their rows are rewritten. Exits 1 if a test failed with any pair.
    A version that is unavailable on this machine is no failure.
    """
    logs = scratch_directory("matrix")
    rows = [_row(pair, logs) for pair in [_pair(words) for words in picked] or pairs(every=every)]
    kept = read(page.read_text(encoding="utf-8")).rows if picked else []
    written = Page(f"{datetime.now(UTC):%Y-%m-%d}", _machine(), merged(kept, rows))
    page.write_text(rendered(written), encoding="utf-8")
    if any(row.result != PASSED and not row.result.startswith(NOT_RUN) for row in rows):
        print(f"logs of pytest: {logs}")  # noqa: T201
        sys.exit(1)
    shutil.rmtree(logs)


def merged(kept: list[Row], rows: list[Row]) -> list[Row]:
    """The kept rows, except that a new row replaces the kept row of its pair."""
    new = {_pair_of(row): row for row in rows}
    return [new.pop(_pair_of(row), row) for row in kept] + list(new.values())


def _pair_of(row: Row) -> Pair:
    return Pair(row.postgres.partition(".")[0], row.kafka)


def _pair(words: str) -> Pair:
    postgres, _, kafka = words.partition(":")
    return Pair(postgres, kafka)


def _row(pair: Pair, logs: Path) -> Row:
    row = attempt(pair, logs / f"{pair.postgres}-{pair.kafka}.log")
    print(f"PostgreSQL {row.postgres}, Kafka {row.kafka}: {row.tests} tests, {row.result}", flush=True)  # noqa: T201
    return row


def _machine() -> str:
    libraries = f"librdkafka {confluent_kafka.libversion()[0]}, psycopg2 {version('psycopg2-binary')}"
    return f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {libraries}"


if __name__ == "__main__":
    main()
