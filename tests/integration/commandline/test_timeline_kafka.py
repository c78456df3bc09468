"""``payment timeline --kafka``: where each event of a payment is in its topic, or why that is not known."""

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, Producer, TopicPartition

from commandline.main import cli
from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.simulator import StripeSimulator
from devstack.stripe_simulator.client import SimulatorControl
from devstack.topics import Topics, make_topic, unique_topics
from runtime import record_search
from runtime.current import Current
from runtime.settings import load
from service.bootstrap import build_service
from service.settings import ServiceSettings
from tests.integration.relay.retention import delete_before
from tests.integration.relay.running import RunningRelay, TopicReader, settings_for
from tests.support.core import Core, running_core

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

PARTITIONS = 5


class Published(NamedTuple):
    """A payment of three events, one of them replayed, and all of them in the topic."""

    database_url: str
    topics: Topics
    core: Core
    payment: UUID


def run(database_url: str, *words: str, kafka: str | None = None, **env: str) -> Result:
    """A command in this process."""
    given = {"DATABASE_URL": database_url, "COLUMNS": "200", "KAFKA_BOOTSTRAP_SERVERS": kafka, **env}
    result = CliRunner(env=given).invoke(cli, words)
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result


def events(database_url: str, payment: UUID, kafka: str) -> list[dict[str, Any]]:
    """The payment's events, looked up."""
    shown = run(database_url, "payment", "timeline", str(payment), "--kafka", "--json", kafka=kafka).stdout
    return [entry for entry in json.loads(shown) if entry["source"] == "event"]


@pytest.fixture(scope="module")
def published(
    postgres_server: Postgres, migrated_template: str, kafka: Kafka, simulator_process: StripeSimulator
) -> Iterator[Published]:
    """Published by a real relay; between its records are those of other payments."""
    simulator_process.control.reset()
    topics, name = unique_topics(), f"places_{secrets.token_hex(6)}"
    url = postgres_server.databases.create(name, template=migrated_template)
    make_topic(kafka, topics.events, PARTITIONS)
    with running_core(url, simulator_process.control, payment_events_topic=topics.events) as core:
        payment = core.authorize()
        for number in range(20):
            core.authorize(f"c-{number}", f"order-other-{number}")
        core.release(payment)
        core.revert(payment)
        words = ("outbox", "replay", "--payment", str(payment), "--type", "payment.released", "--reason", "x", "--yes")
        with pytest.MonkeyPatch.context() as quiet:
            quiet.setattr("runtime.logs.configure", lambda *_: None)
            run(url, *words)
        wanted = core.sql("SELECT event_id FROM outbox")
        reader = TopicReader(kafka, topics.events)
        with RunningRelay(settings_for(url, kafka, topics)):
            reader.read(until=lambda seen: len(seen.records) >= len(wanted))
        reader.close()
        yield Published(url, topics, core, payment)
    postgres_server.databases.drop(name)


def headers_at(kafka: Kafka, topic: str, partition: int, offset: int) -> dict[str, str]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, partition, offset)])
    message = consumer.poll(30)
    consumer.close()
    assert message is not None
    assert message.offset() == offset
    given: Any = message.headers()
    return {name: value.decode() for name, value in given}


def test_each_event_names_its_record(published: Published, kafka: Kafka) -> None:
    found = events(published.database_url, published.payment, kafka.bootstrap_servers)
    assert [(entry["what"], entry["in_kafka"], entry["replayed"]) for entry in found] == [
        ("payment.authorized", "found", False),
        ("payment.released", "found", False),
        ("payment.reverted", "found", False),
        ("payment.released", "found", True),
    ]
    for entry in found:
        headers = headers_at(kafka, published.topics.events, entry["partition"], entry["offset"])
        assert headers["ce_id"] == entry["event_id"]
        assert headers.get("replay_id") == entry["replay_id"]
    expected = record_search.partition_of(str(published.payment).encode(), PARTITIONS)
    assert {entry["partition"] for entry in found} == {expected}
    assert len({entry["offset"] for entry in found}) == 4


def test_a_topic_that_got_partitions_since_is_searched_whole(
    published: Published, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = (record_search.partition_of(str(published.payment).encode(), PARTITIONS) + 1) % PARTITIONS
    monkeypatch.setattr(record_search, "partition_of", lambda *_: elsewhere)
    found = events(published.database_url, published.payment, kafka.bootstrap_servers)
    assert {entry["in_kafka"] for entry in found} == {"found"}


def test_the_table_has_the_places_of_commands_and_events(published: Published, kafka: Kafka) -> None:
    words = ("payment", "timeline", str(published.payment), "--kafka")
    shown = run(published.database_url, *words, kafka=kafka.bootstrap_servers)
    assert re.search(r" event +payment.authorized +sequence 1, position 1, partition \d, offset \d", shown.stdout)
    assert "payment_commands partition 0, offset 1" in shown.stdout
    assert "payment_intents.capture ok req_" in shown.stdout
    assert shown.stderr == ""


def test_without_the_option_no_setting_of_kafka_is_read(published: Published) -> None:
    words = ("payment", "timeline", str(published.payment), "--json")
    shown = run(published.database_url, *words, kafka="", KAFKA_SECURITY_PROTOCOL="rubbish")
    assert {entry["in_kafka"] for entry in json.loads(shown.stdout)} == {None}


def test_kafka_that_does_not_answer_is_named(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.usecases.operations.kafka_places.SEARCH_SECONDS", 0.3)
    words = ("payment", "timeline", str(published.payment), "--kafka")
    shown = run(published.database_url, *words, kafka="127.0.0.1:1")
    assert "Kafka does not answer" in shown.stdout
    assert shown.stderr.startswith("Kafka does not answer: ")
    assert shown.stderr.count("\n") == 1
    found = events(published.database_url, published.payment, "127.0.0.1:1")
    assert {entry["in_kafka"] for entry in found} == {"no_answer"}


def test_a_search_ends_at_its_bound(published: Published, kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_search, "MOST_RECORDS", 1)
    monkeypatch.setattr(record_search, "partition_of", lambda *_: -1)
    monkeypatch.setattr("runtime.topic_reader._POLL_MESSAGES", 1)
    found = events(published.database_url, published.payment, kafka.bootstrap_servers)
    assert "unfinished" in {entry["in_kafka"] for entry in found}
    assert {entry["in_kafka"] for entry in found} <= {"unfinished", "found"}


def test_an_event_that_waits_for_the_relay_is_not_looked_for(published: Published, kafka: Kafka) -> None:
    payment = published.core.authorize("c-late", "order-late")
    (entry,) = events(published.database_url, payment, kafka.bootstrap_servers)
    assert (entry["in_kafka"], entry["partition"], entry["offset"]) == ("unpublished", None, None)


@pytest.mark.parametrize("case", ["no_topic", "not_found", "expired"])
def test_an_event_that_its_topic_does_not_have(
    database_url: str, simulator: SimulatorControl, kafka: Kafka, topics: Topics, case: str
) -> None:
    """The relay's checkpoint says that it is published."""
    with running_core(database_url, simulator, payment_events_topic=topics.events) as core:
        payment = core.authorize()
        core.sql(
            "INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline) "
            "SELECT 'r', max(position), 1, 1 FROM outbox"
        )
    if case != "no_topic":
        make_topic(kafka, topics.events, 1)
    if case == "expired":
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        producer.produce(topics.events, b"{}", b"k")
        producer.flush()
        delete_before(kafka, topics.events, 1)
    (entry,) = events(database_url, payment, kafka.bootstrap_servers)
    assert entry["in_kafka"] == case
    words = ("payment", "timeline", str(payment), "--kafka")
    assert "not found" in run(database_url, *words, kafka=kafka.bootstrap_servers).stdout


def test_the_page_of_serve_looks_records_up(published: Published, kafka: Kafka) -> None:
    """``serve`` as it is put together for a worker."""
    settings = load(
        ServiceSettings,
        database_url=published.database_url,
        stripe_secret_key="sk_test_1",
        api_tokens="olivia:letmein:operate",
        kafka_bootstrap_servers=kafka.bootstrap_servers,
    )
    client = build_service(Current(settings)).test_client()
    headers = {"Authorization": "Bearer letmein"}
    page = client.get(f"/ops/payments/{published.payment}?kafka=look", headers=headers).text
    for entry in events(published.database_url, published.payment, kafka.bootstrap_servers):
        assert f"partition {entry['partition']}, offset {entry['offset']}" in page
