"""The database or the broker goes away and comes back, or comes back older: nothing dies, nothing is lost."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commandline.main import cli
from devstack.kafka import Kafka
from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import find_install
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.postgres_standby import StandbyPostgres
from devstack.service_process import ALL_SERVICES, ServiceName, migrate
from tests.support.acceptance import CHALLENGED, Sent, World, encoded, enveloped, until
from tests.support.acceptance_http import Reply
from tests.support.acceptance_kafka import Record
from tests.support.acceptance_webhooks import event_of, signature_of
from tests.support.requirements import unavailable
from tests.support.topics import unique_topics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

RUNNER = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of this module's own, to be stopped."""
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture(scope="module")
def broker(kafka: Kafka) -> Iterator[ApacheKafka | None]:
    """One of this module's own, to be stopped; None where there is only the mock cluster."""
    if kafka.kind == "mock":
        yield None
        return
    own = ApacheKafka(find_install(lambda _: None))
    try:
        yield own.start()
    finally:
        own.close()


@pytest.fixture(scope="module")
def standby(postgres: EmbeddedPostgres) -> Iterator[StandbyPostgres]:
    """It follows, until it is promoted."""
    with StandbyPostgres(postgres) as server:
        yield server


@pytest.fixture(scope="module")
def fragile(
    postgres: EmbeddedPostgres, standby: StandbyPostgres, broker: ApacheKafka | None, kafka: Kafka
) -> Iterator[World]:
    """Its DATABASE_URL names both servers, the standby first."""
    credentials, _, place = postgres.databases.create("fragile").rpartition("@")
    url = f"{credentials}@127.0.0.1:{standby.port},{place}?target_session_attrs=read-write"
    migrate(url)
    world = World(url, broker or kafka, unique_topics(), {"WORKERS": "1"})
    try:
        yield world.start()
    finally:
        world.close()


def _ready(world: World, name: ServiceName) -> tuple[int, str]:
    """Status and body of a process's own /ready."""
    connection = http.client.HTTPConnection("127.0.0.1", world.application.services[name].port, timeout=10)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _until_all_are(world: World, status: int, names: tuple[ServiceName, ...] = ALL_SERVICES) -> None:
    for name in names:
        until(lambda name=name: _ready(world, name)[0] == status, f"{name} says {status}")  # type: ignore[misc]


def _until_all_say(world: World, words: str, names: tuple[ServiceName, ...] = ALL_SERVICES) -> None:
    for name in names:
        until(lambda name=name: words in _ready(world, name)[1], f"{name} says {words!r}")  # type: ignore[misc]


def _webhook(world: World) -> Reply:
    payload = event_of()
    return world.api.webhook(payload, signature_of(payload, world.info.stripe_webhook_secret))


@contextmanager
def _away(stop: Callable[[], None], start: Callable[[], object]) -> Iterator[None]:
    stop()
    try:
        yield
    finally:
        start()


def _all_run(world: World) -> bool:
    return all(service.running for service in world.application.services.values())


def test_the_database_goes_away_and_comes_back(fragile: World, postgres: EmbeddedPostgres) -> None:
    fragile.heal()
    challenged = fragile.authorize(CHALLENGED)
    payment = fragile.payment_in("REQUIRES_ACTION", challenged.payload["order_id"])
    held = fragile.held()
    with _away(postgres.stop, postgres.start):
        _until_all_are(fragile, 503)
        _until_all_say(fragile, "read-only")  # the standby answers
        assert fragile.api.get("/ready").body["failing"] == "database"
        assert fragile.api.get("/health").status == 200
        for reply in (
            fragile.api.details(held.payment_id),
            fragile.api.history("anybody"),
            fragile.api.release(held.payment_id, RUNNER),
            _webhook(fragile),
        ):
            assert reply.error == (503, "DATABASE_UNAVAILABLE")
            assert int(reply.headers["Retry-After"]) >= 1
        fragile.stripe.finish_challenge(payment["stripe_payment_intent_id"])
        meanwhile = fragile.authorize()
        assert _all_run(fragile)
    _until_all_are(fragile, 200)
    assert fragile.outcome(meanwhile).status == "AUTHORIZED"
    assert fragile.outcome(challenged).status == "AUTHORIZED", "Stripe delivered its webhook again"
    assert fragile.outcome(fragile.release(held.payment_id)).status == "SUCCEEDED"
    assert _all_run(fragile)
    fragile.audit()


def test_the_database_is_killed_while_commands_are_under_way(fragile: World, postgres: EmbeddedPostgres) -> None:
    fragile.heal()
    fragile.stripe.traffic(latency_before=0.2, latency_after=0.2)
    before = fragile.stripe.request_counts().get("payment_intents.create", 0)
    sent = [fragile.authorize() for _ in range(4)]
    until(lambda: fragile.stripe.request_counts().get("payment_intents.create", 0) > before, "Stripe thinks")
    postgres.kill()
    postgres.start()
    for one in sent:
        event = fragile.outcome(one)
        assert event.status == "AUTHORIZED"
        assert fragile.effects(event.payment_id) == ["hold"]
    fragile.audit()


def test_the_broker_goes_away_and_comes_back(fragile: World, broker: ApacheKafka | None) -> None:
    if broker is None:
        unavailable("real Kafka", "the mock cluster cannot be killed and started again on its data")
    fragile.heal()
    held = [fragile.held() for _ in range(3)]
    with _away(broker.kill, broker.start):
        _until_all_are(fragile, 503, ("consume", "relay"))
        assert _ready(fragile, "serve")[0] == 200, "HTTP stands on the database alone"
        queued = [fragile.api.release(event.payment_id, RUNNER) for event in held]
        assert {reply.status for reply in queued} == {202}
        assert _all_run(fragile)
    for reply in queued:
        assert fragile.outcome_of("release_payment", reply.body["correlation_id"]).status == "SUCCEEDED"
    _until_all_are(fragile, 200)
    assert fragile.outcome(fragile.authorize()).status == "AUTHORIZED"
    assert _all_run(fragile)
    fragile.audit()


def test_stripe_goes_away_and_comes_back(fragile: World) -> None:
    fragile.heal()
    fragile.stripe.fault("drop_before", times=None)
    waiting = fragile.authorize()
    until(lambda: "stripe: no answer for" in _ready(fragile, "consume")[1], "the consumer says whom it waits for", 60)
    assert _ready(fragile, "serve")[0] == 200, "reads do not need Stripe"
    fragile.stripe.clear_faults()
    assert fragile.outcome(waiting).status == "AUTHORIZED"
    _until_all_are(fragile, 200)
    fragile.audit()


def test_a_failover_that_ends_no_connection(
    fragile: World, postgres: EmbeddedPostgres, standby: StandbyPostgres
) -> None:
    """The old primary lives on, read-only, with every session that a pool, the relay and its lock have there."""
    fragile.heal()
    challenged = fragile.authorize(CHALLENGED)
    payment = fragile.payment_in("REQUIRES_ACTION", challenged.payload["order_id"])
    held = fragile.held()
    standby.fence_and_promote()
    fragile.stripe.finish_challenge(payment["stripe_payment_intent_id"])
    meanwhile = fragile.authorize()
    queued = until(lambda: _accepted(fragile.api.release(held.payment_id, RUNNER)), "a release is taken")
    assert fragile.outcome_of("release_payment", queued.body["correlation_id"]).status == "SUCCEEDED"
    assert fragile.outcome(meanwhile).status == "AUTHORIZED"
    assert fragile.outcome(challenged).status == "AUTHORIZED"
    _until_all_are(fragile, 200)
    postgres.stop()
    assert fragile.outcome(fragile.authorize()).status == "AUTHORIZED", "nobody needs the old one"
    assert _all_run(fragile)
    fragile.audit()


def _accepted(reply: Reply) -> Reply | None:
    return reply if reply.status == 202 else None


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


def _again(world: World, commands: list[Sent]) -> None:
    for sent in commands:
        world.sender.send(encoded(enveloped(sent.type, sent.correlation_id, sent.payload)), partition=0)


def _restored(world: World, postgres: EmbeddedPostgres, dump: Path) -> None:
    """As the runbook has it: everything stops, the dump is loaded, and whoever consumes then looks first."""
    services = world.application.services
    for service in services.values():
        service.ask_to_stop()
    for service in services.values():
        service.stop()
    postgres.run("pg_restore", "--clean", "--if-exists", f"--dbname={world.info.database_url}", str(dump))
    services["consume"] = world.application.another("consume", {"LOOK_FIRST": "on"})
    world.heal()


def test_commands_that_come_again_a_day_after_a_restore_move_no_money(
    fragile: World, postgres: EmbeddedPostgres
) -> None:
    """The last of the tests here, for events are told again."""
    fragile.heal()
    kept = [fragile.authorize(), fragile.authorize()]
    released, paid_back = (fragile.outcome(sent).payment_id for sent in kept)
    dump = postgres.data_directory.parent / "drill.dump"
    postgres.run("pg_dump", "--format=custom", f"--file={dump}", fragile.info.database_url)
    lost = [fragile.authorize(), fragile.release(released), fragile.release(paid_back)]
    before = [fragile.outcome(sent) for sent in lost]
    lost.append(fragile.revert(paid_back))
    before.append(fragile.outcome(lost[-1]))
    held = before[0].payment_id
    ends = {held: "AUTHORIZED", released: "SUCCEEDED", paid_back: "REVERTED"}
    moved = {payment: fragile.ledger(payment) for payment in ends}

    fragile.stripe.advance(25 * 3600)
    _restored(fragile, postgres, dump)
    _again(fragile, [*kept, *lost])
    for sent, event in zip(lost, before, strict=True):
        _, again = fragile.heard.wait(_answering(sent), f"{sent} is answered again", count=2)
        assert again.headers["ce_id"] == event.headers["ce_id"]
        # What was released and reverted is known from its end: a release that comes again may be told so.
        assert again.type == event.type or (sent.type, again.payment_id) == ("release_payment", paid_back)
    for payment, status in ends.items():
        assert fragile.api.details(payment).body["status"] == status
        assert fragile.ledger(payment) == moved[payment]

    assert {found["result"] for found in _operate(fragile, "payment", "reconcile", "--since", "1h")} <= {
        "agrees",
        "repaired",
    }
    assert _operate(fragile, "payment", "audit", "--since", "1h")["differs"] == []
    found = _operate(fragile, "outbox", "audit", "--since", "1h", code=1)
    told_again = {event.headers["ce_id"] for event in before}
    assert {each["event_id"] for each in found["doubled"]} == told_again
    assert found["missing"] == found["out_of_order"] == found["uncompared"] == []
