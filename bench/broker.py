"""The broker of the benchmarks, started as by Apache Kafka's own script, and warmed up before any measurement."""

import secrets
from dataclasses import replace

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import find_install

_OPTIONS = ("-server", "-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:-UsePerfData")
"""The heap, the collector and both compilers of kafka-server-start.sh; tests use smaller settings."""

_SETTINGS = {"num.network.threads": "3", "num.io.threads": "8"}
"""The broker's defaults (Kafka documentation, "Broker Configs")."""

_RECORDS, _TRANSACTIONS = 400_000, 1500
_HEADERS: list[tuple[str, str | bytes | None]] = [(f"header-{number}", "x" * 24) for number in range(10)]


def start() -> ApacheKafka:
    """Raises KafkaUnavailableError, ProcessFailedError."""
    install = find_install(print)
    broker = ApacheKafka(replace(install, program=replace(install.program, options=_OPTIONS)), _SETTINGS)
    broker.start()
    try:
        _warm_up(broker.bootstrap_servers)
    except BaseException:
        broker.close()
        raise
    return broker


def _warm_up(bootstrap: str) -> None:
    """Runs large batches and small transactions until the broker has compiled the code of both."""
    topic = f"warm_up_{secrets.token_hex(4)}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 6)])[topic].result(30)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic, "linger.ms": 5, "log_level": 0})
    producer.init_transactions(30)
    for records in [*([_RECORDS // 20] * 20), *([1] * _TRANSACTIONS)]:
        producer.begin_transaction()
        for number in range(records):
            producer.produce(topic, "x" * 400, f"key-{number % 1000}", headers=_HEADERS)
        producer.commit_transaction(60)
    admin.delete_topics([topic])[topic].result(30)
