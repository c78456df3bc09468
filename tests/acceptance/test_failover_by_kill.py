"""The primary dies during the work, and its synchronous standby is promoted: nothing is lost or doubled."""

from collections.abc import Iterator

import pytest

from devstack.kafka import Kafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.postgres_standby import StandbyPostgres
from devstack.service_process import migrate
from devstack.topics import unique_topics
from tests.support.acceptance import World

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


@pytest.fixture
def standby() -> Iterator[StandbyPostgres]:
    with EmbeddedPostgres() as primary:
        primary.databases.create("killable")
        with StandbyPostgres(primary) as server:
            server.follow_synchronously()
            yield server


@pytest.fixture
def killable(standby: StandbyPostgres, kafka: Kafka) -> Iterator[World]:
    """A stack whose DATABASE_URL names both servers."""
    url = standby.url_with_primary("killable")
    migrate(url)
    world = World(url, kafka, unique_topics(), {"WORKERS": "1"})
    try:
        yield world.start()
    finally:
        world.close()


def test_a_killed_primary_costs_no_command_and_no_event(killable: World, standby: StandbyPostgres) -> None:
    killable.heal()
    held = [killable.held() for _ in range(4)]
    begun = [killable.authorize() for _ in range(12)]
    begun += [killable.release(payment.payment_id) for payment in held]
    standby.kill_primary_and_promote()
    begun.append(killable.authorize())
    assert {killable.outcome(sent).status for sent in begun} == {"AUTHORIZED", "SUCCEEDED"}
    killable.audit()
