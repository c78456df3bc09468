"""One broker whose internal topics need three replicas, as Kafka's default settings want it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from devstack.kafka_apache import ApacheKafka
from devstack.ports import free_port
from devstack.service_process import ServiceName, ServiceProcess
from devstack.topics import Topics
from tests.integration.commandline.test_doctor import doctor
from tests.integration.relay.writers import write
from tests.support.own_servers import own_broker
from tests.support.probes import wait_until_metrics_say, wait_until_ready_says

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

_THREE = {
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "offsets.topic.replication.factor": "3",
}


@pytest.fixture(scope="module")
def broker() -> Iterator[ApacheKafka]:
    with own_broker(_THREE) as made:
        yield made


@pytest.fixture
def env(database_url: str, broker: ApacheKafka, topics: Topics) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "STRIPE_SECRET_KEY": "sk_test_1",
        "STRIPE_API_BASE": "http://127.0.0.1:1",
        **topics.environment,
    }


@contextmanager
def running(name: ServiceName, env: dict[str, str], directory: Path) -> Iterator[ServiceProcess]:
    process = ServiceProcess(name, {**os.environ, **env}, free_port("127.0.0.1"), directory)
    process.start()
    try:
        yield process
    finally:
        process.kill()


def make_log_of_transactions(broker: ApacheKafka) -> None:
    """Create the topic as a broker with the right replication factor does."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    made = NewTopic("__transaction_state", 4, 1, config={"cleanup.policy": "compact", "min.insync.replicas": "1"})
    admin.create_topics([made])["__transaction_state"].result(30)


def test_waiting_processes_name_the_setting_of_the_broker(
    env: dict[str, str], broker: ApacheKafka, topics: Topics, tmp_path: Path
) -> None:
    write(env["DATABASE_URL"], topics.events, 1)
    with running("relay", env, tmp_path) as relay, running("consume", env, tmp_path) as consumer:
        code, findings = doctor(env)
        wrong = {each["check"]: each["detail"] for each in findings if not each["ok"]}
        assert "transaction.state.log.replication.factor is 3" in wrong["transaction"]
        assert "offsets.topic.replication.factor is 3" in wrong["group"]
        assert code == 1

        said = wait_until_ready_says(relay.port, "transaction.state.log.replication.factor is 3")
        assert said.startswith("kafka: ")
        assert "RELAY_DELIVERY=at-least-once" in said
        wait_until_metrics_say(relay.port, 'relay_stage{relay_stage="fencing"} 1.0')
        said = wait_until_ready_says(consumer.port, "offsets.topic.replication.factor is 3")
        assert said.startswith("kafka: joining the consumer group: ")
        wait_until_metrics_say(consumer.port, "payment_consumer_joined 0.0")
        assert "transaction.state.log.replication.factor" in relay.log_tail()

        make_log_of_transactions(broker)
        wait_until_ready_says(relay.port, "offsets.topic.replication.factor is 3")
        wait_until_metrics_say(relay.port, 'relay_stage{relay_stage="receipt"} 1.0')


def test_recommended_delivery_works_on_one_broker(env: dict[str, str], topics: Topics, tmp_path: Path) -> None:
    write(env["DATABASE_URL"], topics.events, 1)
    with running("relay", {**env, "RELAY_DELIVERY": "at-least-once"}, tmp_path) as relay:
        wait_until_metrics_say(relay.port, "relay_published_rows_total 1.0")
        wait_until_ready_says(relay.port, "ready")
