"""``doctor`` checks a broker with real topics, groups and access rules."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
)
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from devstack.kafka import Kafka
from devstack.topics import Topics, make_topic
from tests.integration.commandline.test_doctor import doctor
from tests.support.requirements import unavailable

pytestmark = [pytest.mark.kafka, pytest.mark.real_kafka]

Findings = list[tuple[str, str]]
"""How each is marked, and what it says."""


@pytest.fixture
def env(kafka: Kafka, topics: Topics) -> dict[str, str]:
    """The broker is the only server that answers."""
    return {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x",
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "STRIPE_SECRET_KEY": "sk_test_1",
        "STRIPE_API_BASE": "http://127.0.0.1:1",
        **topics.environment,
    }


def found(env: dict[str, str], *checks: str) -> Findings:
    return [(_mark(each), each["detail"]) for each in doctor(env)[1] if each["check"] in checks]


def _mark(finding: dict[str, Any]) -> str:
    return "warning" if finding["warning"] else "ok" if finding["ok"] else "wrong"


def make_topics(kafka: Kafka, topics: Topics) -> None:
    for name in (topics.commands, topics.events):
        make_topic(kafka, name, 1)
    make_topic(kafka, f"{topics.commands}.dead_letter", 1, max_message_bytes="2000000")


def test_topics_that_lose_records_are_found(env: dict[str, str], kafka: Kafka, topics: Topics) -> None:
    commands, events, dead_letters = topics.commands, topics.events, f"{topics.commands}.dead_letter"
    make_topic(kafka, commands, 1, cleanup_policy="compact", min_insync_replicas="2")
    make_topic(kafka, events, 1, cleanup_policy="compact,delete", retention_ms="3600000")
    make_topic(kafka, dead_letters, 1, cleanup_policy="compact", retention_bytes="1000000")
    findings = found(env, "topic")
    for mark, words in (
        ("wrong", f"{commands}: cleanup.policy is compact:"),
        ("wrong", f"{events}: cleanup.policy is compact,delete:"),
        ("wrong", f"{dead_letters}: cleanup.policy is compact:"),
        ("warning", f"{commands}: min.insync.replicas is 2 of 1 replica"),
        ("warning", f"{events}: retention.ms keeps records for 1.0 h"),
        ("warning", f"{dead_letters}: retention.bytes keeps 1000000 bytes"),
        ("warning", f"{dead_letters}: max.message.bytes is below"),
    ):
        assert [each[0] for each in findings if each[1].startswith(words)] == [mark], words


def test_missing_topic_that_cannot_be_created_has_a_reason(env: dict[str, str]) -> None:
    findings = found({**env, "KAFKA_TOPIC_REPLICATION": "3"}, "topic")
    assert [mark for mark, _ in findings] == ["wrong"] * 3
    assert all("can't be made" in detail and "replication factor of 3" in detail for _, detail in findings)


def test_healthy_broker_is_reported_as_correct(env: dict[str, str], kafka: Kafka, topics: Topics) -> None:
    make_topics(kafka, topics)
    findings = found(env, "topic", "transaction", "rights")
    assert {mark for mark, _ in findings} == {"ok"}
    assert ("ok", "can be made") in findings


def test_deleted_and_unread_commands_are_found(env: dict[str, str], kafka: Kafka, topics: Topics) -> None:
    make_topics(kafka, topics)
    group = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topics.group})
    group.commit(offsets=[TopicPartition(topics.commands, 0, 0)], asynchronous=False)
    assert found(env, "group", "unread commands") == [
        ("warning", f"nobody reads {topics.commands} now; nothing waits there")
    ]

    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(3):
        producer.produce(topics.commands, str(number).encode())
    producer.flush(10)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for answer in admin.delete_records([TopicPartition(topics.commands, 0, 2)]).values():
        answer.result(10)
    assert found(env, "group", "unread commands") == [
        ("wrong", f"{topics.commands}[0]: 2 records deleted unread"),
        ("wrong", f"nobody reads {topics.commands}, and up to 1 command waits"),
    ]

    group.subscribe([topics.commands])
    while not group.assignment():
        group.poll(0.1)
    assert found(env, "group")[0][0] == "ok"
    group.close()


def test_transaction_markers_do_not_count_as_waiting_commands(
    env: dict[str, str], kafka: Kafka, topics: Topics
) -> None:
    make_topics(kafka, topics)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topics.group})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topics.commands, b"done")
    producer.commit_transaction(30)
    group = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topics.group})
    group.commit(offsets=[TopicPartition(topics.commands, 0, 1)], asynchronous=False)
    group.close()
    assert [mark for mark, _ in found(env, "group")] == ["warning"]


@pytest.fixture
def rules(kafka: Kafka) -> Iterator[Any]:
    """Allow everybody only these operations on a resource."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    made: list[tuple[Any, str]] = []

    def allow(kind: Any, name: str, *operations: Any) -> None:
        made.append((kind, name))
        wanted = [
            AclBinding(kind, name, ResourcePatternType.LITERAL, "User:*", "*", operation, AclPermissionType.ALLOW)
            for operation in operations
        ]
        try:
            for answer in admin.create_acls(wanted).values():
                answer.result(10)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.SECURITY_DISABLED:
                unavailable("rules of a broker", error)
            raise

    yield allow
    anybody: Any = None
    ours = [
        AclBindingFilter(
            kind, name, ResourcePatternType.LITERAL, anybody, anybody, AclOperation.ANY, AclPermissionType.ANY
        )
        for kind, name in made
    ]
    for answer in admin.delete_acls(ours).values():
        answer.result(10)


def test_missing_rights_are_named(env: dict[str, str], kafka: Kafka, topics: Topics, rules: Any) -> None:
    make_topics(kafka, topics)
    rules(ResourceType.TOPIC, topics.events, AclOperation.READ, AclOperation.DESCRIBE_CONFIGS)
    rules(ResourceType.TOPIC, topics.commands, AclOperation.CREATE)
    rules(ResourceType.GROUP, topics.group, AclOperation.DESCRIBE)
    rules(ResourceType.TRANSACTIONAL_ID, f"{env['RELAY_NAME']}/doctor", AclOperation.DESCRIBE)
    findings = found(env, "topic", "rights", "transaction")
    while ("wrong", f"this user lacks Read on the group {topics.group}") not in findings:
        findings = found(env, "topic", "rights", "transaction")  # a broker learns the rules a moment later
    assert ("wrong", f"this user lacks Write on the topic {topics.events}") in findings
    assert any(mark == "wrong" and detail.startswith(f"{topics.commands} can't be had: ") for mark, detail in findings)
    assert any(mark == "warning" and detail.startswith(f"{env['RELAY_NAME']}/doctor: ") for mark, detail in findings)
