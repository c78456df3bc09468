"""``outbox tail`` prints each row once, late commits included, and ends when its reader ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from commandline import tail
from service.domain.received_records import Origin, UnreadableMessage
from service.storage.engine import transaction
from tests.integration.commandline.history import DEAD_LETTERS, History

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]


def outbox(database_url: str, *words: str) -> "subprocess.Popen[str]":
    """A command in its own process, whose output the test reads."""
    return subprocess.Popen(
        [sys.executable, "cli.py", "outbox", *words],
        cwd=ROOT,
        env={"DATABASE_URL": database_url, "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_late_commit_is_not_missed(database_url: str, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    rows = tail._rows(0)
    with transaction(history.engine) as connection:
        DEAD_LETTERS.add(connection, UnreadableMessage("NOT_JSON", "late"), Origin("t", 0, 0, None, b"late", []))
        history.authorize("order-1", "saga-1")
        assert next(rows)[0] == 2
    assert next(rows)[0] == 1


def test_tail_prints_json_lines_until_ctrl_c(database_url: str, history: History) -> None:
    history.authorize("order-1", "saga-1")
    process = outbox(database_url, "tail", "--since", "1h")
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    history.authorize("order-2", "saga-2")
    second = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert [(row["position"], row["value"]["correlation_id"]) for row in (first, second)] == [
        (1, "saga-1"), (2, "saga-2"),
    ]  # fmt: skip
    assert (process.returncode, said) == (0, "")


def test_tail_ends_when_its_reader_ends(database_url: str, history: History) -> None:
    history.authorize("order-1", "saga-1")
    process = outbox(database_url, "tail", "--since", "1h")
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["position"] == 1
    process.stdout.close()
    try:
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    finally:
        process.kill()
        process.stderr.close()


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["stats"]], ids=" ".join)
def test_reader_that_ends_early_is_no_error(database_url: str, history: History, words: list[str]) -> None:
    history.authorize("order-1", "saga-1")
    process = outbox(database_url, *words)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(30)
