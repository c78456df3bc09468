"""A consumer on a host whose clock is hours off: back-off and deadline are the database's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from devstack.kafka import Kafka
from devstack.stripe_simulator.client import SimulatorControl
from devstack.topics import Topics, make_topic
from tests.integration.consumer.running import authorize, eventually, produce
from tests.integration.relay.writers import execute

pytestmark = pytest.mark.kafka

HOURS = 3600
LONGEST_BACKOFF = timedelta(seconds=61)

NOTED = """
    CREATE TABLE put_off (command text, delay interval);
    CREATE FUNCTION note_delay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO put_off VALUES (NEW.correlation_id, NEW.next_attempt_at - clock_timestamp());
        RETURN NULL;
    END
    $$;
    CREATE TRIGGER note_delay AFTER UPDATE OF attempts ON commands
        FOR EACH ROW WHEN (NEW.attempts > OLD.attempts) EXECUTE FUNCTION note_delay()
"""
"""Notes the delay of each attempt, by the database's clock."""


@contextmanager
def _consumer(database_url: str, kafka: Kafka, topics: Topics, stripe: SimulatorControl, off: int) -> Iterator[None]:
    environment = {
        **os.environ,
        **topics.environment,
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "STRIPE_SECRET_KEY": "sk_test_core",
        "STRIPE_API_BASE": stripe.base_url,
        "COMMAND_DEADLINE": "30m",
    }
    words = [sys.executable, "-m", "tests.support.shifted_clock", str(off), "consume"]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("off", [2 * HOURS, -2 * HOURS], ids=["two hours ahead", "two hours behind"])
def test_wrong_host_clock_does_not_change_backoff_or_deadline(
    database_url: str, kafka: Kafka, topics: Topics, simulated_stripe: SimulatorControl, off: int
) -> None:
    make_topic(kafka, topics.commands)
    execute(database_url, NOTED)
    simulated_stripe.fault("drop_before", "payment_intents.create", times=2)
    produce(kafka, topics.commands, [authorize("order-1", 1)])

    with _consumer(database_url, kafka, topics, simulated_stripe, off):
        eventually(lambda: bool(execute(database_url, "SELECT 1 FROM put_off")))
        eventually(lambda: _delays(database_url)[0] > LONGEST_BACKOFF or bool(_published(database_url)))

    assert [delay for delay in _delays(database_url) if not timedelta() < delay < LONGEST_BACKOFF] == []
    assert len(_delays(database_url)) == 2, "as many attempts as faults: none came before its time was over"
    ((kind, value, now),) = _published(database_url)
    assert kind == "payment.authorized", "the deadline of half an hour is not over"
    assert isinstance(now, datetime)
    assert abs(datetime.fromisoformat(json.loads(str(value))["timestamp"]) - now) < timedelta(hours=1)


def _delays(database_url: str) -> list[timedelta]:
    return [delay for (delay,) in execute(database_url, "SELECT delay FROM put_off") if isinstance(delay, timedelta)]


def _published(database_url: str) -> list[tuple[object, ...]]:
    return execute(database_url, "SELECT type, value, now() FROM outbox")
