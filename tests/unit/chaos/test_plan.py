"""The seed decides the sagas and the faults of a chaos run."""

import pytest

from proofs.chaos.plan import Attack, attacks_named, make_plan

SAGAS, FAULTS = 40, 30


def test_the_same_seed_draws_the_same_sagas_and_faults() -> None:
    assert make_plan(SAGAS, FAULTS, 1) == make_plan(SAGAS, FAULTS, 1)
    assert make_plan(SAGAS, FAULTS, 1) != make_plan(SAGAS, FAULTS, 2)


@pytest.mark.parametrize("seed", range(20))
def test_plan_with_enough_faults_has_every_kind(seed: int) -> None:
    plan = make_plan(SAGAS, len(Attack), seed)
    assert {fault.attack for fault in plan.faults} == set(Attack)


def test_plan_has_only_the_requested_faults() -> None:
    silent = attacks_named("SILENT")
    assert silent == (Attack.POSTGRES_SILENT, Attack.KAFKA_SILENT)
    assert {fault.attack for fault in make_plan(SAGAS, FAULTS, 1, silent).faults} == set(silent)


def test_each_fault_name_selects_faults_and_no_name_selects_all() -> None:
    assert attacks_named("") == tuple(Attack)
    assert attacks_named("no such fault") == ()
    for attack in Attack:
        assert attack in attacks_named(attack.value)


def test_faults_are_ordered_and_precede_the_last_sagas() -> None:
    moments = [fault.after for fault in make_plan(SAGAS, FAULTS, 1).faults]
    assert moments == sorted(moments)
    assert moments[-1] < SAGAS * 9 // 10
