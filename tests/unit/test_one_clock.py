"""Decisions by time use the database's clock. No code that decides reads the clock of the host."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DECIDING = ("service/domain", "service/usecases", "service/storage", "consumer")
OF_THE_HOST = {
    *(f"{module}.{name}" for module in ("datetime", "date") for name in ("now", "utcnow", "today")),
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "strftime")),
}
"""The calls that read the host's clock. ``time.monotonic`` is none of them, because it measures durations."""


def _readings(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if f"{owner}.{node.attr}" in OF_THE_HOST:
                yield f"{owner}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{each.name}" for each in node.names if f"time.{each.name}" in OF_THE_HOST)


def test_decisions_do_not_read_the_clock_of_the_host() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {reading}"
        for folder in DECIDING
        for path in sorted((ROOT / folder).rglob("*.py"))
        for reading in _readings(path.read_text("utf-8"))
    ]
    assert found == []


def test_all_ways_to_read_the_host_clock_are_found() -> None:
    source = "import datetime\nfrom time import time\ndatetime.datetime.now()\ndatetime.date.today()\ntime.time_ns()"
    assert set(_readings(source)) == {"time.time", "datetime.now", "date.today", "time.time_ns"}
