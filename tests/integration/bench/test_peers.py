"""The tools that measure other projects' relays."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from confluent_kafka import Producer

from bench import faststream_outbox_peer
from bench.outbox_rows import append
from bench.peer_throughput import peers_here
from bench.peers import BareLoop
from bench.servers import Servers, query
from bench.topic_end import TopicEnd, UnlikeError, check
from devstack.kafka import Kafka

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]

_ROWS = 60


def test_records_of_a_contender_are_compared_with_their_rows(
    database_url: str, kafka: Kafka, new_topic: Callable[[], str]
) -> None:
    topic = new_topic()
    append(database_url, topic, _ROWS, 6)
    BareLoop(kafka.bootstrap_servers, topic, with_headers=True).publish(database_url)
    end = TopicEnd(kafka.bootstrap_servers, topic)
    end.reached(_ROWS)
    check(database_url, end)


def test_contender_that_publishes_other_records_is_reported(
    database_url: str, kafka: Kafka, new_topic: Callable[[], str]
) -> None:
    topic = new_topic()
    append(database_url, topic, 1, 1)
    [(key, headers)] = query(database_url, "SELECT key, headers FROM outbox")
    assert isinstance(headers, list)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(topic, "shorter", str(key), headers=[(name, value) for name, value in headers])
    producer.flush(30)
    with pytest.raises(UnlikeError):
        check(database_url, TopicEnd(kafka.bootstrap_servers, topic))


def test_uncommitted_records_are_not_counted(kafka: Kafka, new_topic: Callable[[], str]) -> None:
    topic = new_topic()
    end = TopicEnd(kafka.bootstrap_servers, topic)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, "value")
    producer.flush(30)
    assert list(end.records()) == []
    producer.commit_transaction(30)
    end.reached(1)
    assert [record.value() for record in end.records()] == [b"value"]


def test_unavailable_contenders_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(faststream_outbox_peer, "_ENVIRONMENT", tmp_path / "environment")
    with closing(Servers()) as servers, ExitStack() as stack:
        peers, missing = peers_here(servers, stack)
    assert peers == []
    debezium, faststream = missing
    assert "Debezium" in debezium
    assert "no java" in debezium
    assert "faststream-outbox" in faststream
    assert "No matching distribution" in faststream
