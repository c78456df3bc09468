"""What the seed decides."""

import pytest

from proofs.chaos.plan import Attack, attacks_named, make_plan

SAGAS, FAULTS = 40, 30


def test_the_same_seed_draws_the_same_sagas_and_faults() -> None:
    assert make_plan(SAGAS, FAULTS, 1) == make_plan(SAGAS, FAULTS, 1)
    assert make_plan(SAGAS, FAULTS, 1) != make_plan(SAGAS, FAULTS, 2)


@pytest.mark.parametrize("seed", range(20))
def test_every_kind_of_blow_comes_where_there_are_faults_enough(seed: int) -> None:
    plan = make_plan(SAGAS, len(Attack), seed)
    assert {fault.attack for fault in plan.faults} == set(Attack)


def test_only_the_faults_that_were_asked_for_come() -> None:
    silent = attacks_named("SILENT")
    assert silent == (Attack.POSTGRES_SILENT, Attack.KAFKA_SILENT)
    assert {fault.attack for fault in make_plan(SAGAS, FAULTS, 1, silent).faults} == set(silent)


def test_every_name_means_something_and_no_name_means_all() -> None:
    assert attacks_named("") == tuple(Attack)
    assert attacks_named("no such fault") == ()
    for attack in Attack:
        assert attack in attacks_named(attack.value)


def test_faults_come_in_order_and_before_the_last_sagas() -> None:
    moments = [fault.after for fault in make_plan(SAGAS, FAULTS, 1).faults]
    assert moments == sorted(moments)
    assert moments[-1] < SAGAS * 9 // 10
