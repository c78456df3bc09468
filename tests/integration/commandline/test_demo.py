"""The demo: three sagas to their end, and nothing left behind."""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devstack.kafka import Kafka
from tests.support.topics import Topics

ROOT = Path(__file__).parents[3]
DEMO = [sys.executable, "cli.py", "demo"]


@pytest.mark.postgres
@pytest.mark.kafka
def test_three_sagas_end_and_are_told(database_url: str, kafka: Kafka, topics: Topics) -> None:
    env = {
        **os.environ,
        **topics.environment,
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "RELAY_NAME": f"relay-{secrets.token_hex(4)}",
        **({"RELAY_DELIVERY": "at-least-once"} if kafka.kind == "mock" else {}),
    }
    shown = subprocess.run(DEMO, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    told = shown.stdout
    stories, _, timelines = told.partition("Paid and released: python cli.py payment timeline")
    assert stories.count("payment.released: SUCCEEDED") == 2
    assert stories.count("payment.reverted: REVERTED") == 1
    assert "says REQUIRES_ACTION" in stories
    assert stories.count("hold 12.50 SGD, capture 12.50 SGD, transfer 12.50 SGD") == 2
    assert stories.count("hold 12.50 SGD, cancel 12.50 SGD") == 1
    assert timelines.count("authorize_payment accepted") == 3


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
