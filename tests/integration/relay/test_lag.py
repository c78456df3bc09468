"""The relay's figures of the rows that wait, of gaps, and of the time that publishing takes."""

import math
import time
from contextlib import closing

import pytest
from prometheus_client import REGISTRY

from devstack.ports import free_port
from devstack.topics import Topics
from relay import lag
from relay.health import Health
from relay.lag import LagMeter
from relay.settings import RelaySettings
from tests.integration.relay.running import RunningRelay, TopicReader, publish
from tests.integration.relay.writers import append, execute, session, write
from tests.support.loglines import logging_to_memory
from tests.support.probes import stage, wait_until_metrics_say, wait_until_stage_says

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def sample(name: str, **labels: str) -> float:
    """One figure of this process, and so of the relays in its threads."""
    found = REGISTRY.get_sample_value(name, labels)
    assert found is not None
    return found


def published() -> tuple[float, float, float]:
    """Rows acknowledged, their seconds in all, and how many of them took at most two hours."""
    name = "payment_relay_publish_seconds"
    return sample(f"{name}_count"), sample(f"{name}_sum"), sample(f"{name}_bucket", le="7200.0")


def test_while_kafka_is_away_only_rows_that_it_does_not_have_count_as_waiting(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """A transaction holds a gap below rows that are published: the checkpoint says so by its ranges."""
    port = free_port("127.0.0.1")
    away = settings.model_copy(
        update={"kafka_bootstrap_servers": f"127.0.0.1:{free_port('127.0.0.1')}", "ops_port": port}
    )
    with session(database_url) as slow:
        append(slow, topics.events, "slow")
        publish(settings, reader, write(database_url, topics.events, 20))
        write(database_url, topics.events, 3, first=21)
        with RunningRelay(away):
            wait_until_metrics_say(port, "relay_lag_rows 3.0")


def test_a_held_gap_is_counted_and_its_transaction_named(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows above the gap are published meanwhile, and the row in the gap after its commit."""
    monkeypatch.setattr(lag, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(lag, "_SECONDS", 0.0)
    port = free_port("127.0.0.1")
    with logging_to_memory() as lines, RunningRelay(settings.model_copy(update={"ops_port": port})):
        with session(database_url) as slow:
            late = append(slow, topics.events, "slow")
            reader.read_events(write(database_url, topics.events, 3))
            pid = slow.info.backend_pid
            assert "position 1 waits for a transaction of " in wait_until_stage_says(port, f"pid {pid}")
            wait_until_metrics_say(port, "payment_relay_gaps 1.0")
            assert sample("payment_relay_gap_holder_seconds") > 0
            wait_until_metrics_say(port, "relay_lag_rows 0.0")
            slow.commit()
        reader.read_events([late])
        wait_until_metrics_say(port, "payment_relay_gaps 0.0")
        wait_until_metrics_say(port, "payment_relay_gap_holder_seconds 0.0")
        assert "position" not in stage(port)
    (told,) = [line for line in lines() if line["event"] == "gap_held"]
    assert (told["pid"], told["position"], told["state"]) == (pid, 1, "idle in transaction")


def test_the_time_from_a_rows_creation_to_kafkas_acknowledgment_is_measured(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """By the database's clock, each acknowledged row once, and no row that was refused."""
    before = published()
    fresh = write(database_url, topics.events, 10)
    with session(database_url) as writer:
        execute(database_url, "ALTER TABLE outbox ALTER created_at SET DEFAULT now() - interval '1 hour'")
        append(writer, topics.events, value="x" * 1_100_000)
        old = append(writer, topics.events)
        writer.commit()
    publish(settings, reader, [*fresh, old])
    count, seconds, within_two_hours = (now - then for now, then in zip(published(), before, strict=True))
    assert count == within_two_hours == 11
    assert 3600 < seconds < 3900


def test_more_rows_than_are_counted_are_estimated_by_their_positions(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "_COUNTED_ROWS", 5)
    with session(database_url) as rolled_back:
        append(rolled_back, "events")
    write(database_url, "events", 20)
    with closing(LagMeter(database_url, "r", Health())):
        while math.isnan(waiting := sample("relay_lag_rows")):
            time.sleep(0.02)
    assert waiting == 21
    assert math.isnan(sample("relay_lag_rows"))
