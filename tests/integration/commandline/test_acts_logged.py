"""An operator's act on the command line leaves a log line where a log is collected, and none on a terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from service.storage.engine import transaction
from tests.integration.commandline.history import History
from tests.support.terminal import on_terminal

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).resolve().parents[3]
DISCARD = ("dead-letter", "discard", "--yes", "--operator", "mira@shell", "--because", "a test record")


@pytest.fixture
def letter(history: History) -> str:
    """The id of a dead letter."""
    history.add_dead_letter(7, b"{}")
    with transaction(history.engine) as connection:
        return str(connection.execute(text("SELECT max(id) FROM dead_letters")).scalar_one())


def test_act_of_a_job_has_one_log_line_with_its_names(database_url: str, letter: str) -> None:
    argv, env = [sys.executable, "cli.py", *DISCARD, letter], {**os.environ, "DATABASE_URL": database_url}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=True)
    (line,) = (json.loads(line) for line in done.stderr.splitlines() if line.startswith("{"))
    assert {name: line[name] for name in ("event", "action", "operator", "channel", "reason", "process")} == {
        "event": "operator_act",
        "action": "dead_letter.discard",
        "operator": "mira@shell",
        "channel": "cli",
        "reason": "a test record",
        "process": "cli",
    }
    assert line["dead_letter_id"] == int(letter)
    assert "{" not in done.stdout


def test_act_on_a_terminal_prints_its_result_only(database_url: str, letter: str) -> None:
    assert "operator_act" not in "\n".join(on_terminal(database_url, *DISCARD, letter, columns=80))
