"""A shell completes commands and options, as the README says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.requirements import unavailable

ROOT = Path(__file__).parents[3]
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
COMPLETED = """
eval "$LINE"
COMP_WORDS=($WORDS) COMP_CWORD=$(($# - 1))
_clipy_completion ./cli.py
echo "${COMPREPLY[@]}"
"""


def line() -> str:
    """The README's line for bash."""
    found = re.search(r'^eval "\$\(.*?\)"', (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("words", "completed"),
    [("./cli.py ser", "serve"), ("./cli.py outbox sta", "stats"), ("./cli.py serve --wor", "--workers")],
)
def test_bash_completes_commands_and_options(words: str, completed: str) -> None:
    if shutil.which("bash") is None:
        unavailable("bash", OSError("not installed"))
    env = {"PATH": PATH, "LINE": line(), "WORDS": words}
    script = COMPLETED.replace("$(($# - 1))", str(len(words.split()) - 1))
    found = subprocess.run(["bash", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert (found.stdout.split(), found.stderr) == ([completed], "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_exists_for_each_shell(shell: str) -> None:
    env = {"PATH": PATH, "_CLI_PY_COMPLETE": f"{shell}_source"}
    found = subprocess.run(["./cli.py"], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert "_clipy_completion" in found.stdout
