"""kill -9 around the offset commit. Every record is handled, and no unhandled record is committed."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumer.crash_points import CrashPoint
from devstack.kafka import Kafka
from devstack.topics import Topics, make_topic
from tests.integration.consumer.running import authorize, by_order, committed, committed_offsets, eventually, produce

pytestmark = pytest.mark.kafka
RECORDS = 200
HELD = [f"order-{number}" for number in range(0, 30, 2)]
"""Every second order, so that some commands are unfinished at any first commit."""


@contextmanager
def victim(
    kafka: Kafka, topics: Topics, path: Path, *held: str, crash_at: str = ""
) -> Iterator[subprocess.Popen[bytes]]:
    """A consumer process that never finishes these orders; the block's end kills it."""
    environment = {
        **os.environ,
        **topics.environment,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "DATABASE_URL": "postgresql://nobody@nowhere/none",
        "STRIPE_SECRET_KEY": "sk_test_none",
        "CRASH_AT": crash_at,
    }
    command = [sys.executable, "-m", "tests.integration.consumer.victim", str(path), *held]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lines(path: Path) -> list[str]:
    """The place of each handled record, in the order of handling."""
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("point", ["consumer.before_offset_commit", "consumer.after_offset_commit"])
def test_a_consumer_killed_at_the_offset_commit_loses_nothing(
    kafka: Kafka, topics: Topics, tmp_path: Path, point: str
) -> None:
    assert CrashPoint(point)
    make_topic(kafka, topics.commands)
    path = tmp_path / "handled"
    sent = [authorize(f"order-{number % 30}", number) for number in range(RECORDS)]
    produce(kafka, topics.commands, sent, key=by_order)
    with victim(kafka, topics, path, *HELD, crash_at=point) as process:
        assert process.wait(60) == -signal.SIGKILL
    died_with = lines(path)
    known = committed_offsets(kafka, topics)
    assert sum(known) <= len(set(died_with))
    assert bool(known) == (point == "consumer.after_offset_commit")
    produce(kafka, topics.commands, [authorize("later", 0)])
    with victim(kafka, topics, path) as process:
        eventually(lambda: committed(kafka, topics) == RECORDS + 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert len(set(lines(path))) == RECORDS + 1
    assert max(Counter(lines(path)).values()) <= 2
