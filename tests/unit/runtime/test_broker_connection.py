"""Whether brokers are connected, told by the statistics of several librdkafka clients."""

from typing import Any

import pytest

from runtime.broker_connection import BrokerConnection


def statistics(client: str, *states: str) -> dict[str, Any]:
    return {"name": client, "brokers": {str(number): {"state": state} for number, state in enumerate(states)}}


def test_one_connected_client_is_enough() -> None:
    connection = BrokerConnection()
    connection.on_statistics(statistics("first", "INIT", "UP"))
    connection.on_statistics(statistics("second", "INIT"))
    assert connection.connected


def test_no_client_is_connected_once_each_has_lost_its_brokers() -> None:
    connection = BrokerConnection()
    for state in ("UP", "DOWN"):
        for client in ("first", "second"):
            connection.on_statistics(statistics(client, state))
    assert not connection.connected


def test_a_closed_client_counts_for_a_few_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("runtime.broker_connection.time.monotonic", lambda: now)
    connection = BrokerConnection()
    connection.on_statistics(statistics("closed", "UP"))
    now += 5
    connection.on_statistics(statistics("new", "DOWN"))
    assert not connection.connected
