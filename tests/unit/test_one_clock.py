"""What is decided by time is decided by the database's clock: nothing that decides reads the host's."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DECIDING = ("service/domain", "service/usecases", "service/storage", "consumer")
OF_THE_HOST = {
    *(f"{module}.{name}" for module in ("datetime", "date") for name in ("now", "utcnow", "today")),
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "strftime")),
}
"""As the code writes them. ``time.monotonic`` only measures how long something took."""


def _readings(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if f"{owner}.{node.attr}" in OF_THE_HOST:
                yield f"{owner}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{each.name}" for each in node.names if f"time.{each.name}" in OF_THE_HOST)


def test_nothing_that_decides_reads_the_hosts_clock() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {reading}"
        for folder in DECIDING
        for path in sorted((ROOT / folder).rglob("*.py"))
        for reading in _readings(path.read_text("utf-8"))
    ]
    assert found == []


def test_every_way_to_read_it_is_known() -> None:
    source = "import datetime\nfrom time import time\ndatetime.datetime.now()\ndatetime.date.today()\ntime.time_ns()"
    assert set(_readings(source)) == {"time.time", "datetime.now", "date.today", "time.time_ns"}
