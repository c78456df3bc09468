"""The relay's metrics of waiting rows, of gaps, and of the time that publishing takes."""

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
    """One metric of this process, which includes the relays in its threads."""
    found = REGISTRY.get_sample_value(name, labels)
    assert found is not None
    return found


def published() -> tuple[float, float, float]:
    """The number of acknowledged rows, the sum of their seconds, and the number of rows that took at most two hours."""
    name = "payment_relay_publish_seconds"
    return sample(f"{name}_count"), sample(f"{name}_sum"), sample(f"{name}_bucket", le="7200.0")


def test_only_unpublished_rows_count_as_waiting_during_an_outage_of_kafka(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """A transaction holds a gap below published rows, which the ranges of the checkpoint show."""
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


def test_held_gap_is_counted_with_its_transaction(
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
    (line,) = [line for line in lines() if line["event"] == "gap_held"]
    assert (line["pid"], line["position"], line["state"]) == (pid, 1, "idle in transaction")


def test_time_from_creation_to_acknowledgment_of_a_row_is_measured(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """The time is measured by the database's clock, once for each acknowledged row and for no refused row."""
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


def test_large_backlog_is_estimated_by_positions(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag, "_COUNTED_ROWS", 5)
    with session(database_url) as rolled_back:
        append(rolled_back, "events")
    write(database_url, "events", 20)
    with closing(LagMeter(database_url, "r", Health())):
        while math.isnan(waiting := sample("relay_lag_rows")):
            time.sleep(0.02)
    assert waiting == 21
    assert math.isnan(sample("relay_lag_rows"))
