"""A shell that reads a script starts background processes with SIGINT ignored. SIGINT must end them all the same."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.commandline.test_demo import marked

ROOT = Path(__file__).parents[3]
IGNORING = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
END_SECONDS = 60


@pytest.mark.postgres
@pytest.mark.parametrize(("command", "code"), [("up", 0), ("demo", 1)])
def test_sigint_ends_a_process_started_by_a_script(command: str, code: int) -> None:
    mark = f"DEMO_MARK={secrets.token_hex(8)}"
    name, _, value = mark.partition("=")
    process = subprocess.Popen(
        [*IGNORING, sys.executable, "cli.py", command],
        cwd=ROOT,
        env={**os.environ, name: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=END_SECONDS)
    finally:
        process.terminate()
        process.wait(END_SECONDS)
    assert said.splitlines()[-1] == "stopped"
    assert process.returncode == code
    assert marked(mark) == []
