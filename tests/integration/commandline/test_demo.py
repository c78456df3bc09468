"""The demo leaves no process and no file behind. The acceptance tests follow its sagas to their end."""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEMO = [sys.executable, "cli.py", "demo"]


@pytest.mark.postgres
@pytest.mark.parametrize("after", ["Starting", "PostgreSQL:"])
def test_ctrl_c_leaves_nothing(after: str) -> None:
    mark = f"DEMO_MARK={secrets.token_hex(8)}"
    name, _, value = mark.partition("=")
    process = subprocess.Popen(
        DEMO, cwd=ROOT, env={**os.environ, name: value}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith(after):
        assert process.poll() is None
    while after == "Starting" and len(marked(mark)) < 3:
        time.sleep(0.01)  # until servers are being started
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert said.splitlines()[-1] == "stopped"
    assert process.returncode == 1
    assert marked(mark) == []


@pytest.mark.postgres
def test_ctrl_c_ends_a_java_that_does_not_say_its_version(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\nexec sleep 60\n")
    java.chmod(0o755)
    mark = f"DEMO_MARK={secrets.token_hex(8)}"
    env = {**os.environ, "DEMO_MARK": mark.partition("=")[2], "JAVA_HOME": str(tmp_path)}
    with subprocess.Popen(DEMO, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while "sleep\x0060\x00" not in marked(mark):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 1
    assert marked(mark) == []


def marked(mark: str) -> list[str]:
    """Processes that the demo started, itself included."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            environment = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
        except OSError:  # it ended meanwhile
            continue
        if mark.encode() in environment.split(b"\0"):
            found.append((entry / "cmdline").read_text())
    return found
