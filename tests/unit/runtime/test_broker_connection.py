"""The connection to brokers, from the statistics of several librdkafka clients."""

from typing import Any

import pytest

from runtime.broker_connection import BrokerConnection


def statistics(client: str, *states: str) -> dict[str, Any]:
    return {"name": client, "brokers": {str(number): {"state": state} for number, state in enumerate(states)}}


def test_client_that_is_still_connecting_does_not_count_while_another_is_connected() -> None:
    connection = BrokerConnection()
    connection.on_statistics(statistics("first", "INIT", "UP"))
    connection.on_statistics(statistics("second", "INIT"))
    assert connection.connected


def test_client_that_lost_its_brokers_counts_despite_an_idle_one() -> None:
    connection = BrokerConnection()
    for client in ("busy", "idle"):
        connection.on_statistics(statistics(client, "UP"))
    connection.on_statistics(statistics("busy", "DOWN"))
    connection.on_statistics(statistics("idle", "UP"))
    assert not connection.connected


def test_client_without_any_connection_is_not_connected() -> None:
    connection = BrokerConnection()
    connection.on_statistics(statistics("only", "INIT"))
    assert not connection.connected


def test_reports_of_a_closed_client_count_for_a_few_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("runtime.broker_connection.time.monotonic", lambda: now)
    connection = BrokerConnection()
    connection.on_statistics(statistics("closed", "UP"))
    connection.on_statistics(statistics("closed", "DOWN"))
    now += 5
    connection.on_statistics(statistics("new", "UP"))
    assert connection.connected
