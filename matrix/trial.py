"""One pair: downloads its servers and runs the core of the tests with them."""

import os
import re
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, run

from devstack.kafka_install import KafkaUnavailableError, find_install
from devstack.postgres_install import WHEEL
from devstack.postgres_maven import PostgresUnavailableError, find_programs
from devstack.service_process import ROOT
from matrix.page import NOT_RUN, PASSED, Row
from matrix.pairs import CORE, Pair

_PATIENCE_SECONDS = 180.0
_WORKERS = "2"
_GIVEN = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS")
_NUMBER = re.compile(r"(\d+) (passed|failed|error|skipped)")
_POSTGRES = re.compile(r"^PostgreSQL: embedded ([\d.]+),", re.MULTILINE)


def attempt(pair: Pair, log: Path) -> Row:
    """The result of the core; ``log`` receives the output of pytest. An unavailable server is no failure."""
    try:
        if pair.postgres != WHEEL:
            find_programs(pair.postgres, print, _PATIENCE_SECONDS)
        find_install(print, _PATIENCE_SECONDS, pair.kafka)
    except (PostgresUnavailableError, KafkaUnavailableError) as error:
        return Row(pair.postgres, pair.kafka, 0, f"{NOT_RUN}: {str(error).splitlines()[0]}")
    versions = {"DEVSTACK_POSTGRES": pair.postgres, "DEVSTACK_KAFKA": pair.kafka, "REQUIRE_REAL": "1"}
    kept = {name: value for name, value in os.environ.items() if name not in _GIVEN}
    words = [sys.executable, "-m", "pytest", "-n", _WORKERS, "--dist", "loadfile", "--color=no", *CORE]
    with log.open("w") as output:
        ended = run(words, env={**kept, **versions}, cwd=ROOT, stdout=PIPE, stderr=STDOUT, text=True, check=False)
        output.write(ended.stdout)
    return result_of(pair, ended.returncode, ended.stdout)


def result_of(pair: Pair, code: int, output: str) -> Row:
    """The result by pytest's exit code and the last line of its output."""
    numbers = {kind: int(number) for number, kind in _NUMBER.findall(output.strip().rpartition("\n")[2])}
    passed = numbers.pop("passed", 0)
    found = _POSTGRES.search(output)
    others = ", ".join(f"{number} {kind}" for kind, number in numbers.items())
    result = PASSED if code == 0 and not others and passed else others or f"pytest ended with {code}"
    return Row(found[1] if found else pair.postgres, pair.kafka, passed + sum(numbers.values()), result)
