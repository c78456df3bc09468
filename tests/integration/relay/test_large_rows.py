"""A transaction of many large rows becomes visible below rows that are already published."""

import re
import time
from pathlib import Path

import pytest

from devstack.kafka import Kafka
from devstack.service_process import ServiceProcess
from devstack.topics import Topics
from relay.settings import RelaySettings
from tests.integration.relay.running import TIMEOUT_SECONDS, TopicReader, relay_process
from tests.integration.relay.writers import execute, session, write

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

_ROWS, _BYTES = 300, 900_000
_MEMORY_MB = 300
"""Memory limit of a relay with several batches of 16 MiB in flight; the transaction alone has 270 MB."""

_APPEND = """
    INSERT INTO outbox (event_id, topic, key, type, value, headers)
    SELECT id, %s, 'large', 'thing.happened', repeat('x', %s), json_build_array(json_build_array('ce_id', id))
    FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, %s)) AS ids
"""


def peak_memory_mb(relay: ServiceProcess) -> int:
    """The peak resident memory (proc(5), VmHWM)."""
    status = Path(f"/proc/{relay.run.pid}/status").read_text(encoding="ascii")
    (found,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(found) // 1024


def wait_until_settled(url: str, position: int) -> None:
    """Wait until the checkpoint has settled everything up to ``position``."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while execute(url, "SELECT 1 FROM relay_checkpoints WHERE low >= %s", position) == []:
        assert time.monotonic() < deadline, execute(url, "SELECT low, ranges FROM relay_checkpoints")
        time.sleep(0.05)


def test_many_large_rows_behind_a_gap_are_published_in_bounded_memory(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics, reader: TopicReader, tmp_path: Path
) -> None:
    relay = relay_process(settings, tmp_path)
    relay.start()
    with session(database_url) as slow, slow.cursor() as cursor:
        cursor.execute(_APPEND, (topics.events, _BYTES, _ROWS))
        reader.read_events(write(database_url, topics.events, 1, key="quick"))
        slow.commit()
    wait_until_settled(database_url, _ROWS + 1)
    peak = peak_memory_mb(relay)
    assert relay.stop() == 0

    assert execute(database_url, "SELECT count(*) FROM dead_letters") == [(0,)]
    assert peak < _MEMORY_MB
