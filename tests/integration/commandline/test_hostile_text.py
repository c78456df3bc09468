"""Ids from outside are shown on an operator's terminal, without the effects of their control characters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.domain.received_records import Origin, UnreadableMessage
from service.storage.engine import make_engine, transaction
from tests.integration.commandline.history import DEAD_LETTERS, History

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = "o\x1b[2J\x9b31m\u202e\x7f\rforged\nline"


@pytest.fixture
def history(database_url: str) -> History:
    """A payment, a command and a dead letter whose ids clear the screen, reverse the text and begin a new line."""
    engine = make_engine(database_url, 2)
    history = History(engine)
    history.authorize(HOSTILE, HOSTILE)
    origin = Origin(HOSTILE, 3, 7, HOSTILE.encode(), HOSTILE.encode(), [])
    with transaction(engine) as connection:
        DEAD_LETTERS.add(connection, UnreadableMessage("NOT_JSON", HOSTILE), origin)
    engine.dispose()
    return history


def _cli(database_url: str, *words: str) -> str:
    argv = [sys.executable, str(ROOT / "cli.py"), *words]
    env = {**os.environ, "DATABASE_URL": database_url, "COLUMNS": "200"}
    found = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True)
    return found.stdout + found.stderr


@pytest.mark.parametrize(
    "words",
    ["payment show", "payment timeline", "command list", "command show", "dead-letter list", "dead-letter show 1",
     "outbox list"],
)  # fmt: skip
def test_output_contains_no_terminal_control_characters(database_url: str, history: History, words: str) -> None:
    with history.engine.connect() as connection:
        payment_id = str(connection.exec_driver_sql("SELECT payment_id FROM payments").scalar_one())
    arguments = {"payment": [payment_id], "command show": [HOSTILE]}
    more = arguments.get(words, arguments.get(words.split(maxsplit=1)[0], []))
    output = _cli(database_url, *words.split(), *more)
    assert "forged" in output
    assert output.replace("\n", "").isprintable()
    assert not [line for line in output.splitlines() if line.startswith(("forged", "line"))]


def test_json_output_keeps_the_original_text(database_url: str, history: History) -> None:
    output = _cli(database_url, "dead-letter", "list", "--json")
    assert output.replace("\n", "").isprintable()
    assert json.loads(output)[0]["topic"] == HOSTILE


def test_error_with_an_id_contains_no_terminal_control_characters(database_url: str) -> None:
    argv = [sys.executable, str(ROOT / "cli.py"), "payment", "show", HOSTILE]
    env = {**os.environ, "DATABASE_URL": database_url}
    found = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 1
    assert (found.stdout + found.stderr).replace("\n", "").isprintable()
