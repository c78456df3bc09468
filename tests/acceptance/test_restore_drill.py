"""The drill of docs/runbook.md: a dump is loaded over a database that went on, and all commands come again."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from click.testing import CliRunner

from commandline.main import cli
from devstack.kafka import Kafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.saga_client import Record, Sent, encoded, enveloped
from devstack.service_process import migrate
from devstack.topics import unique_topics
from tests.support.acceptance import World

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

DAY = timedelta(hours=25)
"""Longer than Stripe's memory of idempotency keys."""


@pytest.fixture
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server whose own programs dump and restore."""
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture
def drilled(postgres: EmbeddedPostgres, kafka: Kafka) -> Iterator[World]:
    url = postgres.databases.create("drilled")
    migrate(url)
    world = World(url, kafka, unique_topics(), {"WORKERS": "1"})
    try:
        yield world.start()
    finally:
        world.close()


def _operate(world: World, *words: str, code: int = 0) -> Any:
    """What an operator's command prints; its exit code is checked."""
    env = {
        "DATABASE_URL": world.info.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": world.info.kafka_bootstrap_servers,
        "STRIPE_API_BASE": world.info.stripe_api_base,
        "STRIPE_SECRET_KEY": "sk_test_operator",
        **world.topics.environment,
    }
    result = CliRunner(env=env).invoke(cli, [*words, "--json"], prog_name="cli.py")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def _answering(sent: Sent) -> Callable[[Record], bool]:
    return lambda record: record.headers.get("ce_id") is not None and record.answers == sent.answers


def _again(world: World, commands: list[Sent], age: timedelta) -> None:
    for sent in commands:
        value = encoded(enveloped(sent.type, sent.correlation_id, sent.payload))
        world.put(value, partition=0, age=age)


def _restored(world: World, postgres: EmbeddedPostgres, dump: Path, cluster: str, look_first: str) -> None:
    """As the runbook has it: everything stops, the dump is loaded, and consumers start anew."""
    services = world.application.services
    for service in services.values():
        service.ask_to_stop()
    for service in services.values():
        service.stop()
    if cluster == "fresh":
        postgres.renew()
        postgres.databases.create("drilled")
    postgres.run("pg_restore", "--clean", "--if-exists", f"--dbname={world.info.database_url}", str(dump))
    services["consume"] = world.application.another("consume", {"LOOK_FIRST": look_first})
    world.heal()


def _webhooks_again(world: World) -> None:
    """Everything that Stripe has told, once more."""
    headers = {"Authorization": "Bearer sk_test_operator"}
    listed = urllib3.request("GET", f"{world.info.stripe_api_base}/v1/events?limit=100", headers=headers)
    for event in json.loads(listed.data)["data"]:
        world.stripe.resend(event["id"])
    world.stripe.drain_webhooks()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("cluster", "look_first", "age"),
    [
        pytest.param("the same", "off", DAY, id="into the same cluster, from the topic"),
        pytest.param("fresh", "on", timedelta(), id="into a fresh cluster, from their senders"),
    ],
)
def test_commands_that_come_again_a_day_after_a_restore_move_no_money(
    drilled: World, postgres: EmbeddedPostgres, cluster: str, look_first: str, age: timedelta
) -> None:
    """What is read from the topic again is known by its age; where senders send anew, ``LOOK_FIRST`` says so."""
    drilled.heal()
    kept = [drilled.authorize(), drilled.authorize()]
    released, paid_back = (drilled.outcome(sent).payment_id for sent in kept)
    dump = postgres.data_directory.parent / "drill.dump"
    postgres.run("pg_dump", "--format=custom", f"--file={dump}", drilled.info.database_url)
    lost = [drilled.authorize(), drilled.release(released), drilled.release(paid_back)]
    before = [drilled.outcome(sent) for sent in lost]
    lost.append(drilled.revert(paid_back))
    before.append(drilled.outcome(lost[-1]))
    held = before[0].payment_id
    ends = {held: "AUTHORIZED", released: "SUCCEEDED", paid_back: "REVERTED"}
    moved = {payment: drilled.ledger(payment) for payment in ends}

    drilled.stripe.advance(DAY.total_seconds())
    _restored(drilled, postgres, dump, cluster, look_first)
    _webhooks_again(drilled)
    _again(drilled, [*kept, *lost], age)
    for sent, event in zip(lost, before, strict=True):
        _, again = drilled.heard.wait(_answering(sent), f"{sent} is answered again", count=2)
        assert again.headers["ce_id"] == event.headers["ce_id"]
        # What was released and reverted is known from its end: a release that comes again may be told so.
        assert again.type == event.type or (sent.type, again.payment_id) == ("release_payment", paid_back)
    for payment, status in ends.items():
        assert drilled.api.details(payment).body["status"] == status
        assert drilled.ledger(payment) == moved[payment]

    assert {found["result"] for found in _operate(drilled, "payment", "reconcile", "--since", "1h")} <= {
        "agrees",
        "repaired",
    }
    assert _operate(drilled, "payment", "audit", "--since", "1h")["differs"] == []
    found = _operate(drilled, "outbox", "audit", "--since", "1h", code=1)
    told_again = {event.headers["ce_id"] for event in before}
    assert {each["event_id"] for each in found["doubled"]} == told_again
    assert found["missing"] == found["out_of_order"] == found["uncompared"] == []
