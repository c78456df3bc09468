"""The relay's answers to /ready."""

import json
import time

import pytest
from confluent_kafka import KafkaError

from relay.health import SILENT_SECONDS, Health
from relay.stages import Stage


def statistics(*states: str) -> str:
    return json.dumps({"brokers": {str(number): {"state": state} for number, state in enumerate(states)}})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def reading() -> Health:
    health = Health()
    health.enter(Stage.READING)
    health.working()
    return health


@pytest.mark.parametrize("stage", [stage for stage in Stage if not stage.ready])
def test_relay_before_its_work_is_unready_and_names_the_stage(stage: Stage) -> None:
    health = Health()
    health.enter(stage)
    assert health.fault() == f"{stage.part}: {stage.words}"


def test_standby_is_ready_and_reports_that_it_is_standby() -> None:
    health = Health()
    health.enter(Stage.STANDING_BY)
    assert health.fault() is None
    assert health.stage.startswith("standing by")


def test_a_term_that_failed_is_reported_with_its_stage_until_a_term_works() -> None:
    health = Health()
    health.enter(Stage.FENCING)
    health.failed("kafka: Broker: Topic authorization failed")
    health.on_statistics(statistics("UP"))
    assert health.fault() == "kafka: Broker: Topic authorization failed (fencing older relays)"
    health.enter(Stage.READING)
    health.working()
    assert health.fault() is None


def test_kafka_is_reported_while_no_broker_is_connected() -> None:
    health = reading()
    health.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "3/3 brokers are down"))
    assert health.fault() is None
    health.on_statistics(statistics("DOWN", "CONNECT"))
    assert health.fault() == "kafka: 3/3 brokers are down (reading the outbox)"
    health.on_statistics(statistics("DOWN", "UP"))
    assert health.fault() is None


def test_readiness_depends_on_the_age_of_the_last_beat(clock: list[float]) -> None:
    health = reading()
    clock[0] += SILENT_SECONDS
    assert health.fault() is None
    clock[0] += 1
    assert health.fault() == "database: no answer for 16 s (reading the outbox)"
    health.beat()
    assert health.fault() is None


def test_long_repeated_call_is_reported_despite_heartbeats(clock: list[float]) -> None:
    health = reading()
    health.enter(Stage.PRODUCING)
    health.waiting("Local: Timed out")
    assert health.fault() is None
    clock[0] += 6
    health.waiting("Broker: Coordinator not available")
    health.beat()
    assert health.fault() == "kafka: Broker: Coordinator not available (producing)"
    health.call_succeeded()
    assert health.fault() is None


def test_a_wait_for_kafka_is_not_the_databases_though_rows_are_being_read(clock: list[float]) -> None:
    """A row's topic is looked for while the outbox is read."""
    health = reading()
    health.waiting("Failed to get metadata: Local: Timed out")
    clock[0] += 6
    assert health.fault() == "kafka: Failed to get metadata: Local: Timed out (reading the outbox)"
    health.call_succeeded()
    health.waiting("canceling statement due to lock timeout", part="database")
    clock[0] += 6
    assert health.fault() == "database: canceling statement due to lock timeout (reading the outbox)"


def test_a_silent_session_of_the_lock_is_reported(clock: list[float]) -> None:
    health = reading()
    health.lock_silence = lambda: 6.0
    assert health.fault() == "database: the session of the lock does not answer (reading the outbox)"
    health.without_term()
    assert health.fault() is None


def test_rows_that_wait_for_their_topic_are_reported() -> None:
    health = reading()
    health.held_back({"a": "no such topic; 3 rows wait", "b": "no such topic; 1 row waits"})
    assert health.fault() == "kafka: a: no such topic; 3 rows wait, and 1 more topic"
    health.held_back({})
    assert health.fault() is None


def test_late_report_of_a_closed_client_does_not_make_a_standby_unready() -> None:
    health = reading()
    health.on_statistics(statistics("UP"))
    health.without_term()
    health.enter(Stage.STANDING_BY)
    health.working()
    health.on_statistics(statistics("DOWN"))
    assert health.fault() is None
