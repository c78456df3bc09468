"""The database's figures at a scrape are read once in an interval, and vanish when they are old."""

import math
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import Connection, text

from devstack.tcp_proxy import TcpProxy
from service.storage.figures import Figures, Group
from service.storage.kept_figures import KeptFigures, SharedFigures
from service.storage.latest_figures import LatestFigures
from service.usecases.database_metrics import DatabaseMetrics
from tests.support.core import Core
from tests.support.loglines import logging_to_memory

pytestmark = pytest.mark.postgres

AUTHORIZE = "authorize_payment"


class Clock:
    """A clock that only the test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def network(core: Core) -> Iterator[TcpProxy]:
    url = core.settings.database_url.get_secret_value()
    with TcpProxy(urlsplit(url).port or 5432) as proxy:
        yield proxy


def test_figures_are_read_once_per_interval_and_vanish_when_old(core: Core, network: TcpProxy) -> None:
    clock, url = Clock(), core.settings.database_url.get_secret_value()
    latest = LatestFigures(network.through(url), patience_seconds=30, kept=KeptFigures(clock))
    registry = CollectorRegistry()
    registry.register(DatabaseMetrics(latest))
    labels = {"command_type": AUTHORIZE, "state": "pending"}
    assert registry.get_sample_value("payment_commands_open", labels) == 0
    core.stripe.fault("drop_before", "payment_intents.create")
    core.authorize()
    clock.now = 5
    assert registry.get_sample_value("payment_commands_open", labels) == 0
    assert registry.get_sample_value("payment_database_metrics_age_seconds", {"group": "work"}) == 5
    clock.now = 10
    assert registry.get_sample_value("payment_commands_open", labels) == 1
    network.reset()
    network.hold()
    latest._patience = 0.1
    clock.now = 65
    assert registry.get_sample_value("payment_commands_open", labels) == 1
    clock.now = 75
    assert registry.get_sample_value("payment_commands_open", labels) is None
    assert registry.get_sample_value("payment_database_metrics_age_seconds", {"group": "work"}) == 65
    network.mend()
    core.settle()


def test_a_statement_that_takes_too_long_is_not_repeated_at_each_scrape(core: Core) -> None:
    asked, clock = [], Clock()

    def slow(connection: Connection) -> Figures:
        asked.append(1)
        connection.execute(text("SET LOCAL statement_timeout = 1"))
        connection.execute(text("SELECT pg_sleep(1)"))
        return {}

    url = core.settings.database_url.get_secret_value()
    latest = LatestFigures(url, (Group("slow", 300, 1200, slow),), 30, KeptFigures(clock))
    for clock.now in (0, 15, 45, 59):
        (reading,) = latest.latest()
        assert (reading.age, reading.is_shown) == (math.inf, False)
    assert len(asked) == 1
    clock.now = 61
    latest.latest()
    assert len(asked) == 2


def test_the_session_cannot_write(core: Core) -> None:
    def write(connection: Connection) -> Figures:
        connection.execute(text("DELETE FROM request_keys"))
        return {"payments": {("FAILED",): 1}}

    url = core.settings.database_url.get_secret_value()
    latest = LatestFigures(url, (Group("payments", 1, 1, write),), 30)
    registry = CollectorRegistry()
    registry.register(DatabaseMetrics(latest))
    assert b"payment_payments" not in generate_latest(registry)


def test_a_reading_of_another_process_is_shown_with_its_age(core: Core, tmp_path: Path) -> None:
    asked = []

    def count(_connection: Connection) -> Figures:
        asked.append(1)
        return {"holds": {("<1d",): len(asked)}}

    url, group = core.settings.database_url.get_secret_value(), (Group("money", 60, 300, count),)
    first, second = (LatestFigures(url, group, 30, SharedFigures(tmp_path)) for _ in range(2))
    readings = [process.latest()[0] for process in (first, second, first)]
    assert [reading.figures for reading in readings] == [{"holds": {("<1d",): 1.0}}] * 3
    assert [reading.age for reading in readings] == sorted(reading.age for reading in readings)


def test_figures_that_cannot_be_kept_are_reported_and_not_shown(core: Core, tmp_path: Path) -> None:
    url = core.settings.database_url.get_secret_value()
    latest = LatestFigures(url, patience_seconds=30, kept=SharedFigures(tmp_path / "gone"))
    with logging_to_memory() as lines:
        assert {reading.age for reading in latest.latest()} == {math.inf}
    assert {line["event"] for line in lines()} == {"the database's figures cannot be read"}
