"""The chaos run in its short form. `make chaos` is the long one."""

from collections import Counter
from dataclasses import replace

import pytest

from devstack.kafka_apache import ApacheKafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.topics import unique_topics
from proofs.chaos.audit import Findings
from proofs.chaos.plan import Attack, make_plan
from proofs.chaos.run import Result, run
from proofs.chaos.world import World

SAGAS, SEED, AT_ONCE = 40, 1, 20
QUICK = (
    Attack.CONSUMER_KILLED,
    Attack.RELAY_KILLED,
    Attack.SERVICE_KILLED,
    Attack.POSTGRES_KILLED,
    Attack.KAFKA_KILLED,
    Attack.CONSUMER_PAUSED,
    Attack.PROMOTED,
    Attack.RESTORED,
    Attack.ROWS_LOCKED,
    Attack.LARGE_COMMANDS,
    Attack.STRANGE_ROWS,
)
"""The quick attacks, each once; `make chaos` also has the slow ones, and more of each."""


@pytest.mark.parametrize(("failed", "losses"), [(["a saga"], []), ([], ["an event"])])
def test_failed_saga_or_finding_fails_the_chaos_run(failed: list[str], losses: list[str]) -> None:
    quiet = Result(1, 1, 1, 1, 1, 0, Counter(), [], Counter(), [], Findings([], [], [], [], []), 1.0)
    assert quiet.clean
    assert not replace(quiet, failed=failed, findings=replace(quiet.findings, losses=losses)).clean


@pytest.mark.postgres
@pytest.mark.real_kafka
def test_short_chaos_run_is_clean(
    killable_database_url: str, killable_postgres: EmbeddedPostgres, killable_kafka: ApacheKafka
) -> None:
    plan = make_plan(SAGAS, len(QUICK), SEED, QUICK)
    with World(killable_postgres, killable_database_url, killable_kafka, unique_topics(), SEED) as world:
        result = run(plan, world, at_once=AT_ONCE, on_progress=lambda _over, _struck: None)
    assert result.clean, f"{result.failed}\n{result.findings}"
    assert result.struck == dict.fromkeys(QUICK, 1)
    assert result.sagas == SAGAS
