"""What /ready says."""

import json

from confluent_kafka import KafkaError

from relay.health import Health


def statistics(*states: str) -> str:
    return json.dumps({"brokers": {str(number): {"state": state} for number, state in enumerate(states)}})


def test_not_ready_before_anything_was_reached() -> None:
    assert Health().fault() == "database: not reached yet"


def test_a_turn_that_ended_is_told_until_one_works() -> None:
    health = Health()
    health.failed("kafka: Broker: Topic authorization failed")
    health.on_statistics(statistics("UP"))
    assert health.fault() == "kafka: Broker: Topic authorization failed"
    health.working()
    assert health.fault() is None


def test_kafka_lost_and_found() -> None:
    health = Health()
    health.working()
    health.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "3/3 brokers are down"))
    assert health.fault() is None
    health.on_statistics(statistics("DOWN", "CONNECT"))
    assert health.fault() == "kafka: 3/3 brokers are down"
    health.on_statistics(statistics("DOWN", "UP"))
    assert health.fault() is None
