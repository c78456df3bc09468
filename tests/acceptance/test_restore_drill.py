"""The drill of docs/operations/restore.md: a dump overwrites a newer database, and all losses are recovered."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devstack.kafka import Kafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.saga_client import Sent, encoded, enveloped, until
from devstack.service_process import migrate
from devstack.topics import unique_topics
from tests.support.acceptance import RUNNER, World

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

ROOT = Path(__file__).parents[2]

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
    """Run an operator's command, check its exit code, and return its output."""
    env = {
        "DATABASE_URL": world.info.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": world.info.kafka_bootstrap_servers,
        "STRIPE_API_BASE": world.info.stripe_api_base,
        "STRIPE_SECRET_KEY": "sk_test_operator",
        **world.topics.environment,
    }
    words = (sys.executable, "cli.py", *words, "--json")
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


DIFFERENCES = ("missing", "unknown", "numbered_twice", "doubled", "out_of_order", "uncompared")


@dataclass(frozen=True)
class Lost:
    """The work that was done after the dump."""

    since: str
    commands: list[Sent]
    held: str
    ends: dict[str, str]
    event_ids: set[str]


def _dumped(world: World, postgres: EmbeddedPostgres) -> Path:
    dump = postgres.data_directory.parent / "drill.dump"
    postgres.run("pg_dump", "--format=custom", f"--file={dump}", world.info.database_url)
    return dump


def _gone_on(world: World, released: str, paid_back: str) -> Lost:
    """A payment as a whole, releases from Kafka and HTTP, a revert, and a record that nobody can read."""
    since = datetime.now(UTC).isoformat()
    authorize = world.authorize()
    runner = {"runner_id": "runner-1", "runner_connect_account_id": RUNNER}
    asked = world.api.release(released, runner).body["correlation_id"]
    events = [world.outcome(authorize), world.outcome_of("release_payment", asked)]
    commands = [authorize, world.release(paid_back)]
    events.append(world.outcome(commands[-1]))
    commands.append(world.revert(paid_back))
    events.append(world.outcome(commands[-1]))
    world.letter(world.put(b"no JSON"))
    ours = world.heard.records(
        lambda r: r.topic == world.dead_letter_topic or (r.topic == world.topics.commands and "ce_id" in r.headers)
    )
    held = events[0].payment_id
    ends = {held: "AUTHORIZED", released: "SUCCEEDED", paid_back: "REVERTED"}
    return Lost(since, commands, held, ends, {record.headers["ce_id"] for record in [*events, *ours]})


def _stopped(world: World) -> None:
    for service in world.application.services.values():
        service.ask_to_stop()
    for service in world.application.services.values():
        service.stop()


def _restored(world: World, postgres: EmbeddedPostgres, dump: Path, cluster: str) -> None:
    if cluster == "fresh":
        postgres.renew()
        postgres.databases.create("drilled")
    postgres.run("pg_restore", "--clean", "--if-exists", f"--dbname={world.info.database_url}", str(dump))


def _settled(world: World) -> None:
    """The relay has compared outbox and topics, and no row waits."""
    waits = "SELECT 1 FROM relay_checkpoints WHERE doubt IS NULL AND low = (SELECT max(position) FROM outbox)"
    until(lambda: world.sql(waits), "the relay has compared")


def _again(world: World, commands: list[Sent]) -> None:
    for sent in commands:
        world.put(encoded(enveloped(sent.type, sent.correlation_id, sent.payload)), partition=0)


def _all_is_named(world: World, lost: Lost) -> None:
    unknown = _operate(world, "outbox", "audit", "--since", "1h", code=1)["unknown"]
    assert {each["event_id"] for each in unknown} == lost.event_ids
    differs = _operate(world, "payment", "audit", "--since", "1h", code=1)["differs"]
    assert {each["what"] for each in differs} == {"no_payment", "missing_here"}
    named = _operate(world, "payment", "reconcile", "--since", lost.since, "--dry-run")
    assert {each["result"] for each in named} == {"would_repair"}
    assert {each["payment_id"] for each in named} == {"", *lost.ends}


@pytest.mark.parametrize("cluster", ["the same", "fresh"])
def test_losses_of_a_restore_are_named_and_recovered_from_stripe_and_the_topics(
    drilled: World, postgres: EmbeddedPostgres, cluster: str
) -> None:
    """Stripe has forgotten all keys. No command is sent again until the books and the topics agree."""
    drilled.heal()
    kept = [drilled.authorize(), drilled.authorize()]
    released, paid_back = (drilled.outcome(sent).payment_id for sent in kept)
    dump = _dumped(drilled, postgres)
    lost = _gone_on(drilled, released, paid_back)
    moved = drilled.ledger(paid_back)

    drilled.stripe.advance(DAY.total_seconds())
    _stopped(drilled)
    _restored(drilled, postgres, dump, cluster)

    _all_is_named(drilled, lost)
    again = [_operate(drilled, "payment", "reconcile", "--all") for _ in range(2)]
    assert [{each["result"] for each in found} for found in again] == [{"repaired"}, {"agrees"}]
    assert _operate(drilled, "payment", "audit", "--since", "1h")["differs"] == []
    drilled.heal()
    _settled(drilled)
    found = _operate(drilled, "outbox", "audit", "--since", "1h")
    assert not any(found[name] for name in DIFFERENCES)

    # Repeated commands have no effect and no second event. New events continue the sequences.
    _again(drilled, [*kept, *lost.commands])
    back = drilled.outcome(drilled.revert(released))
    drilled.outcome(drilled.revert(lost.held))
    assert int(back.headers["sequence"]) == 3
    assert drilled.effects(released) == ["hold", "capture", "transfer", "reversal", "refund"]
    assert drilled.ledger(paid_back) == moved
    drilled.audit()
    assert {drilled.api.details(payment).body["status"] for payment in lost.ends} == {"REVERTED"}
