"""The storm in its short form. `make storm` is the long one."""

from collections import Counter
from dataclasses import replace

import pytest

from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from storm.audit import Findings
from storm.plan import Victim, make_plan
from storm.run import Result, run
from storm.world import World
from tests.support.topics import unique_topics

SAGAS, KILLS, SEED, AT_ONCE = 40, 8, 1, 20


def test_the_seed_decides_sagas_and_victims() -> None:
    assert make_plan(SAGAS, KILLS, SEED) == make_plan(SAGAS, KILLS, SEED)
    assert make_plan(SAGAS, KILLS, SEED) != make_plan(SAGAS, KILLS, SEED + 1)


def test_everybody_is_killed_at_least_once() -> None:
    for seed in range(20):
        assert {blow.victim for blow in make_plan(SAGAS, KILLS, seed).blows if not blow.frozen} == set(Victim)


@pytest.mark.parametrize(("failed", "losses"), [(["a saga"], []), ([], ["an event"])])
def test_a_saga_gone_wrong_spoils_it_and_so_does_a_finding(failed: list[str], losses: list[str]) -> None:
    quiet = Result(1, 1, 1, 1, 1, Counter(), Counter(), [], Findings([], [], [], [], []), 1.0)
    assert quiet.clean
    assert not replace(quiet, failed=failed, findings=replace(quiet.findings, losses=losses)).clean


@pytest.mark.postgres
@pytest.mark.real_kafka
def test_a_short_storm(mortal_database_url: str, mortal_postgres: EmbeddedPostgres, mortal_kafka: ApacheKafka) -> None:
    plan = make_plan(SAGAS, KILLS, SEED)
    with World(mortal_postgres, mortal_database_url, mortal_kafka, unique_topics(), SEED) as world:
        result = run(plan, world, at_once=AT_ONCE, told=lambda _over, _killed: None)
    assert result.clean, f"{result.failed}\n{result.findings}"
    assert result.killed == Counter(blow.victim for blow in plan.blows if not blow.frozen)
    assert result.frozen == Counter(blow.victim for blow in plan.blows if blow.frozen)
    assert result.sagas == SAGAS
