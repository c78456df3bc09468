"""An outage of the database or the broker ends no process and loses nothing."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from devstack.kafka import Kafka
from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.postgres_standby import StandbyPostgres
from devstack.saga_client import until
from devstack.service_process import ALL_SERVICES, ServiceName, migrate
from devstack.topics import unique_topics
from tests.support.acceptance import CHALLENGED, World
from tests.support.acceptance_http import Reply
from tests.support.acceptance_webhooks import event_of, signature_of
from tests.support.own_servers import own_broker
from tests.support.requirements import unavailable

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

RUNNER = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of this module, which tests stop."""
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture(scope="module")
def broker(kafka: Kafka) -> Iterator[ApacheKafka | None]:
    """A broker of this module, which tests stop; None if only the mock cluster is available."""
    if kafka.kind == "mock":
        yield None
        return
    with own_broker() as own:
        yield own


@pytest.fixture(scope="module")
def standby(postgres: EmbeddedPostgres) -> Iterator[StandbyPostgres]:
    """A standby that follows the server until its promotion."""
    with StandbyPostgres(postgres) as server:
        yield server


@pytest.fixture(scope="module")
def fragile(
    postgres: EmbeddedPostgres, standby: StandbyPostgres, broker: ApacheKafka | None, kafka: Kafka
) -> Iterator[World]:
    """A stack whose DATABASE_URL names both servers, the standby first."""
    postgres.databases.create("fragile")
    url = standby.url_with_primary("fragile")
    migrate(url)
    world = World(url, broker or kafka, unique_topics(), {"WORKERS": "1"})
    try:
        yield world.start()
    finally:
        world.close()


def _ready(world: World, name: ServiceName) -> tuple[int, str]:
    """Status and body of a process's /ready."""
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


def test_processes_survive_an_outage_of_the_database(fragile: World, postgres: EmbeddedPostgres) -> None:
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


def test_commands_survive_a_kill_of_the_database(fragile: World, postgres: EmbeddedPostgres) -> None:
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


def test_processes_survive_an_outage_of_the_broker(fragile: World, broker: ApacheKafka | None) -> None:
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


def test_processes_survive_an_outage_of_stripe(fragile: World) -> None:
    fragile.heal()
    fragile.stripe.fault("drop_before", times=None)
    waiting = fragile.authorize()
    until(lambda: "stripe: no answer for" in _ready(fragile, "consume")[1], "the consumer says whom it waits for", 60)
    assert _ready(fragile, "serve")[0] == 200, "reads do not need Stripe"
    fragile.stripe.clear_faults()
    assert fragile.outcome(waiting).status == "AUTHORIZED"
    _until_all_are(fragile, 200)
    fragile.audit()


def test_failover_without_closed_connections_is_noticed(
    fragile: World, postgres: EmbeddedPostgres, standby: StandbyPostgres
) -> None:
    """The old primary keeps running, read-only, with all sessions of the pools, the relay and its lock."""
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
