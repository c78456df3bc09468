"""docs/compatibility.md: written by `make matrix`, and read again by a test."""

import re
from typing import NamedTuple

from matrix.pairs import CORE

PASSED, NOT_RUN = "passed", "not run"

_INTRODUCTION = """\
# Compatibility

`make matrix` runs the core of the tests with each version of PostgreSQL and of Kafka, beside the other's default, one
pair after the other, and writes this page; `make test` runs all tests with the defaults. A server that cannot be had
where it runs is "not run".

The core: {core}.

Run on {day} with {machine}.

| PostgreSQL | Apache Kafka | Tests | Result |
|---|---|---|---|
"""
_NOTES = """
A broker of 4.3 or 4.4 that is killed in the middle of a commit may leave the relay's transaction open
([decision 3](decisions/0003-embedded-kafka.md)): the core does not kill brokers.
"""
_RUN = re.compile(r"^Run on (\d{4}-\d\d-\d\d) with (.+)\.$", re.MULTILINE)


class Row(NamedTuple):
    """A pair, how many tests there were, and how they ended."""

    postgres: str
    kafka: str
    tests: int
    result: str


class Page(NamedTuple):
    """What was run, when and on what."""

    day: str
    machine: str
    rows: list[Row]


def rendered(page: Page) -> str:
    """The whole document."""
    core = ", ".join(f"`{path}`" for path in CORE)
    table = "".join(f"| {row.postgres} | {row.kafka} | {row.tests or ''} | {row.result} |\n" for row in page.rows)
    return _INTRODUCTION.format(core=core, day=page.day, machine=page.machine) + table + _NOTES


def read(text: str) -> Page:
    """What ``rendered`` wrote. Raises ValueError when it was something else."""
    run = _RUN.search(text)
    if run is None:
        raise ValueError("it does not say when it was run")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    rows = [Row(postgres, kafka, int(tests or 0), result) for postgres, kafka, tests, result in cells[1:]]
    return Page(run[1], run[2], rows)
