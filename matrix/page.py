"""docs/compatibility.md, which `make matrix` writes and a test reads."""

import re
from typing import NamedTuple

from matrix.pairs import CORE

PASSED, NOT_RUN = "passed", "not run"

_INTRODUCTION = """\
# Compatibility

`make matrix` runs the core of the tests once for each version of PostgreSQL and of Kafka, with the default version of
the other server, one pair after the other, and writes this page. `make test` runs all tests with the default versions.
"not run" marks a pair whose server was not available.

The core: {core}.

Run on {day} with {machine}.

| PostgreSQL | Apache Kafka | Tests | Result |
|---|---|---|---|
"""
_NOTES = """
A broker of version 4.3 or 4.4 that is killed in the middle of a commit may leave the relay's transaction open
([decision 3](decisions/0003-embedded-kafka.md)). The core does not kill brokers.
"""
_RUN = re.compile(r"^Run on (\d{4}-\d\d-\d\d) with (.+)\.$", re.MULTILINE)


class Row(NamedTuple):
    """One pair of versions, the number of tests, and the result."""

    postgres: str
    kafka: str
    tests: int
    result: str


class Page(NamedTuple):
    """The rows of a run, with its day and machine."""

    day: str
    machine: str
    rows: list[Row]


def rendered(page: Page) -> str:
    """The whole document."""
    core = ", ".join(f"`{path}`" for path in CORE)
    table = "".join(f"| {row.postgres} | {row.kafka} | {row.tests or ''} | {row.result} |\n" for row in page.rows)
    return _INTRODUCTION.format(core=core, day=page.day, machine=page.machine) + table + _NOTES


def read(text: str) -> Page:
    """The page that ``rendered`` wrote. Raises ValueError for any other text."""
    run = _RUN.search(text)
    if run is None:
        raise ValueError("the page does not say when it was run")
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    rows = [Row(postgres, kafka, int(tests or 0), result) for postgres, kafka, tests, result in cells[1:]]
    return Page(run[1], run[2], rows)
