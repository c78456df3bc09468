"""Records made to fill memory: the real process stays small, and the next command is answered."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from confluent_kafka import Producer

from devstack.kafka import Kafka
from devstack.ports import free_port
from devstack.service_process import ServiceProcess
from devstack.topics import Topics, make_topic
from tests.integration.consumer.running import eventually
from tests.unit.consumer.doubles import LONG

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

MIB = 1024 * 1024
BOMBS = 80
PATIENCE = 90.0


@pytest.fixture
def consumer(kafka: Kafka, topics: Topics, database_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    """`cli.py consume` without a Stripe, which no record here reaches."""
    make_topic(kafka, topics.commands, partitions=1)
    environment = {
        **topics.environment,
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "STRIPE_SECRET_KEY": "sk_test_none",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
    }
    process = ServiceProcess("consume", environment, free_port(), tmp_path)
    yield process
    process.kill()


def peak(process: ServiceProcess) -> int:
    """Peak memory of the process, in MiB (Linux, proc(5), "VmHWM")."""
    status = Path(f"/proc/{process.run.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024


def held(process: ServiceProcess) -> float:
    """Jobs in its memory."""
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics", timeout=LONG) as answer:
        found = re.search(r"^payment_consumer_held (\S+)", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return float(found[1])


def send(kafka: Kafka, topics: Topics, *values: bytes) -> None:
    """Send records compressed, as a hostile sender would, because the broker counts only compressed bytes."""
    producer = Producer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "compression.type": "gzip",
            "message.max.bytes": 200 * MIB,
            "queue.buffering.max.kbytes": 1_000_000,
            "batch.num.messages": 1,
        }
    )
    for value in values:
        producer.produce(topics.commands, value)
        assert producer.flush(60) == 0


def test_records_of_many_values_are_refused_in_bounded_memory(
    kafka: Kafka, topics: Topics, consumer: ServiceProcess, database_url: str
) -> None:
    """The database hangs for a while, so that the queue becomes full."""
    payload = ",".join(["{}"] * (MIB // 3 - 100))
    bombs = [f'{{"type":"revert_payment","correlation_id":"c-{n}","payload":[{payload}]}}' for n in range(BOMBS)]
    consumer.start()
    consumer.wait_until_ready()
    with psycopg2.connect(database_url) as session, session.cursor() as cursor:
        cursor.execute("LOCK TABLE commands IN ACCESS EXCLUSIVE MODE")
        send(kafka, topics, *(bomb.encode() for bomb in bombs))
        eventually(lambda: held(consumer) >= 55, PATIENCE)
        session.rollback()
        eventually(lambda: _count(cursor, "commands WHERE state = 'done'") == BOMBS, PATIENCE)
        assert _count(cursor, "dead_letters") == BOMBS
    assert peak(consumer) < 340, "208 were seen, and 449 where all workers store large records at once"


def test_record_of_a_hundred_megabytes_unpacked_is_kept_by_its_digest(
    kafka: Kafka, topics: Topics, consumer: ServiceProcess, database_url: str
) -> None:
    consumer.start()
    consumer.wait_until_ready()
    size = 96 * MIB
    send(kafka, topics, b" " * size, json.dumps({"type": "revert_payment", "correlation_id": "next"}).encode())
    with psycopg2.connect(database_url) as session, session.cursor() as cursor:
        session.autocommit = True
        eventually(lambda: _count(cursor, "commands WHERE state = 'done'") == 1, PATIENCE)
        eventually(lambda: _count(cursor, "dead_letters") == 2)
        cursor.execute("SELECT octet_length(value), detail FROM dead_letters WHERE reason = 'TOO_LARGE'")
        ((kept, detail),) = cursor.fetchall()
        cursor.execute("SELECT octet_length(value), value FROM outbox WHERE value LIKE '%TOO_LARGE%'")
        ((length, text),) = cursor.fetchall()
    assert kept <= 2 * MIB
    assert str(size) in detail
    assert length < 10_000
    letter = json.loads(text)
    assert (letter["value"], letter["value_omitted"]["bytes"]) == (None, size)
    assert len(letter["value_omitted"]["sha256"]) == 64
    assert peak(consumer) < 600


def _count(cursor: "psycopg2.extensions.cursor", what: str) -> int:
    cursor.execute(f"SELECT count(*) FROM {what}")
    found = cursor.fetchone()
    assert found is not None
    return int(found[0])
