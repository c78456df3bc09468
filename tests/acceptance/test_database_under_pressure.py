"""A database that hangs, changes its schema, locks rows or refuses one record delays only the work that needs it."""

import http.client
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from confluent_kafka import Consumer, TopicPartition

from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.saga_client import Sent, encoded, enveloped, until
from devstack.service_process import ServiceName
from devstack.tcp_proxy import TcpProxy
from devstack.topics import unique_topics
from tests.support.acceptance import World, authorization
from tests.support.acceptance_webhooks import event_of, signature_of

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

OURS: tuple[ServiceName, ...] = ("serve", "consume")
EXPANDED = (
    ("payments", "description", "revert_reason"),
    ("commands", "recovery_point", "traceparent"),
    ("stripe_events", "event_id"),
)
"""Tables that get another column, and their columns that get another collation, which changes every result."""
QUICK = 5.0
"""Longest wait of a probe in seconds. Kubernetes' default is one; a machine under load needs more."""


@pytest.fixture(scope="module")
def network(postgres_server: Postgres) -> Iterator[TcpProxy]:
    """The network between the processes and their database."""
    port = psycopg2.extensions.parse_dsn(postgres_server.url)["port"]
    with TcpProxy(int(port)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def world(network: TcpProxy, postgres_server: Postgres, migrated_template: str, kafka: Kafka) -> Iterator[World]:
    name = f"pressed_{secrets.token_hex(6)}"
    url = postgres_server.databases.create(name, template=migrated_template)
    world = World(network.through(url), kafka, unique_topics(), {"WORKERS": "1"})
    try:
        yield world.start()
    finally:
        network.mend()
        world.close()
        postgres_server.databases.drop(name)


@pytest.fixture(autouse=True)
def _all_well(world: World, network: TcpProxy) -> Iterator[None]:
    yield
    network.mend()
    world.audit()


def ready(world: World, name: ServiceName) -> tuple[int, str]:
    """Status and body of a process's /ready. Fails if no answer arrives within the time of a probe."""
    connection = http.client.HTTPConnection("127.0.0.1", world.application.services[name].port, timeout=QUICK)
    with closing(connection):
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def said(world: World, name: ServiceName, words: str) -> int:
    """The number of times that a process has logged this."""
    return world.application.services[name].log.read_text(errors="replace").count(words)


@contextmanager
def locked(world: World, *payment_ids: str) -> Iterator[None]:
    """Another session locks these payments' rows."""
    connection = psycopg2.connect(world.info.database_url)
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM payments WHERE payment_id::text = ANY(%s) FOR UPDATE", (list(payment_ids),))
        yield


def answered(world: World, sent: list[Sent]) -> bool:
    """Whether each command has its outcome event."""
    heard = world.heard.records(lambda record: record.topic == world.topics.events)
    return {one.answers for one in sent} <= {record.answers for record in heard}


def test_silent_database_is_reported_at_once_and_its_connections_end(world: World, network: TcpProxy) -> None:
    held = world.held()
    for name in OURS:
        assert ready(world, name)[0] == 200
    network.lose_packets()
    sent = world.authorize()
    for name in OURS:
        status, body = ready(world, name)
        assert status == 503
        assert "database" in body
    asked = time.monotonic()
    assert world.api.details(held.payment_id).error == (503, "DATABASE_UNAVAILABLE")
    for words in ("not_durable", "cannot ask for due commands"):
        left = 40 - (time.monotonic() - asked)
        until(lambda words=words: said(world, "consume", words), f"{words} is said", left)  # type: ignore[misc]
    network.mend()
    for name in OURS:
        until(lambda name=name: ready(world, name)[0] == 200, f"{name} is ready again")  # type: ignore[misc]
    assert world.outcome(sent).status == "AUTHORIZED"


def test_locked_payments_delay_no_other_command(world: World) -> None:
    held = [world.authorize() for _ in range(30)]
    payments = [world.outcome(one).payment_id for one in held]
    with locked(world, *payments):
        stuck = [world.release(payment) for payment in payments]
        others = [world.authorize() for _ in range(20)]
        began = time.monotonic()
        until(lambda: answered(world, others), "the others are answered while the rows are locked", 12)
        assert time.monotonic() - began < 12
        for name in OURS:
            assert ready(world, name)[0] == 200
        assert not any(answered(world, [one]) for one in stuck)
    for one in stuck:
        assert world.outcome(one).status == "SUCCEEDED"


def test_copies_of_a_command_with_a_locked_payment_delay_no_other_command(world: World, kafka: Kafka) -> None:
    payment = world.held().payment_id
    revert = encoded(enveloped("revert_payment", f"copied-{payment}", {"payment_id": payment}))
    with locked(world, payment):
        for _ in range(400):
            last = world.put(revert, partition=0)
        others = [world.send("authorize_payment", authorization(), partition=0) for _ in range(20)]
        until(lambda: answered(world, others), "the others are answered while the row is locked", 20)
    assert world.outcome_of("revert_payment", f"copied-{payment}").status == "REVERTED"
    until(lambda: committed(world, kafka, last[0]) > last[1], "the copies are done with")


def committed(world: World, kafka: Kafka, partition: int) -> int:
    """The committed offsets of the consumers' group."""
    reader = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": world.topics.group})
    with closing(reader):
        return int(reader.committed([TopicPartition(world.topics.commands, partition)], 10)[0].offset)


def test_running_processes_do_not_notice_an_expanding_migration(world: World) -> None:
    def warm() -> None:
        """More requests at once than any pool has connections, so that each connection has plans."""
        sent = [world.authorize() for _ in range(30)]
        payments = [world.outcome(one).payment_id for one in sent]
        released = [world.release(payment) for payment in payments]
        for one in released:
            assert world.outcome(one).status == "SUCCEEDED"
        for payment in payments:
            assert world.api.details(payment).status == 200

    def webhook() -> None:
        payload = event_of("payment_intent.payment_failed")
        assert world.api.webhook(payload, signature_of(payload, world.info.stripe_webhook_secret)).status == 200

    warm()
    webhook()
    held = [world.held().payment_id for _ in range(4)]
    failed_before = said(world, "serve", "request_failed") + said(world, "consume", "not_durable")
    with closing(psycopg2.connect(world.info.database_url)) as connection, connection.cursor() as cursor:
        for table, *texts in EXPANDED:
            changes = [f'ALTER COLUMN {name} TYPE text COLLATE "POSIX"' for name in texts]
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN later text, {', '.join(changes)}")
        connection.commit()
    for payment in held:
        webhook()
        assert world.api.details(payment).status == 200
        assert world.outcome(world.release(payment)).status == "SUCCEEDED"
    warm()
    assert said(world, "serve", "request_failed") + said(world, "consume", "not_durable") == failed_before


def test_command_refused_by_the_database_becomes_a_dead_letter_and_its_partition_continues(
    world: World, kafka: Kafka
) -> None:
    payment = world.held().payment_id
    revert = world.revert(payment)
    assert world.outcome(revert).status == "REVERTED"
    with closing(psycopg2.connect(world.info.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM commands WHERE correlation_id = %s", (revert.correlation_id,))
        connection.commit()
    again = world.send("revert_payment", {"payment_id": payment}, correlation_id=revert.correlation_id)
    letter = world.letter(again.place)
    assert letter["reason"] == "NOT_STORABLE"
    assert "uq_outbox" in letter["detail"]
    assert payment not in letter["detail"]
    until(lambda: committed(world, kafka, again.place[0]) > again.place[1], "the partition's offset goes on")
    assert len(world.events_of(payment)) == 2, "the earlier events are unchanged and no other was published"
    assert json.loads(json.dumps(letter["value"])), "the record is kept whole"
