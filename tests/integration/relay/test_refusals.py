"""A row that Kafka never accepts delays no other row, is refused quickly, and leaves no resources behind."""

import base64
import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from devstack.kafka import Kafka
from devstack.topics import Topics, make_topic
from relay.settings import RelaySettings
from tests.integration.relay.running import RunningRelay, TopicReader, relay_process, settings_for
from tests.integration.relay.writers import append, execute, session, without_rules
from tests.support.probes import wait_until_metrics_say, wait_until_ready_says

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]

BATCH = 10_000
LARGE = 1_500_000
"""Bytes; more than a topic takes by default, less than the relay would take."""

_FILL = """
    INSERT INTO outbox (event_id, topic, key, type, value, headers)
    SELECT id, %s, (n %% 7)::text, 'thing.happened', repeat('x', %s), json_build_array(json_build_array('ce_id', id))
    FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, %s) AS n) AS made
"""
"""Rows that were committed at once."""


@pytest.fixture
def limited(kafka: Kafka, topics: Topics) -> Iterator[TopicReader]:
    """A reader of the events topic, which has one partition and a broker's default limits."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(topics.events, 1)])[topics.events].result(30)
    reader = TopicReader(kafka, topics.events)
    yield reader
    reader.close()


@pytest.mark.parametrize("reads_limits", [True, False], ids=["limit-known", "limit-hidden"])
def test_too_large_row_before_a_full_batch_costs_only_itself(
    reads_limits: bool,
    database_url: str,
    kafka: Kafka,
    topics: Topics,
    limited: TopicReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The relay has its default settings. The broker may hide the limits of its topics."""
    if not reads_limits:
        monkeypatch.setattr("relay.destinations.Destinations.limit", lambda *_: None)
    with session(database_url) as writer:
        append(writer, topics.events, "large", value="x" * LARGE)
        with writer.cursor() as cursor:
            cursor.execute(_FILL, (topics.events, 1000, BATCH))
        writer.commit()
    with RunningRelay(settings_for(database_url, kafka, topics, kafka_config=None)):
        records = limited.read(until=lambda reader: len(reader.records) >= BATCH)
    written = execute(database_url, "SELECT event_id::text FROM outbox WHERE position > 1 ORDER BY position")
    assert [record.event_id for record in records] == [event for (event,) in written]
    assert execute(database_url, 'SELECT reason, "offset", length(value) FROM dead_letters') == [
        ("RECORD_TOO_LARGE", 1, LARGE)
    ]


@pytest.mark.parametrize(
    ("compression", "times"), [("none", 20), ("gzip", 5)], ids=["limit-known", "found-by-the-broker"]
)
def test_refused_rows_leave_no_threads_and_no_files(
    compression: str,
    times: int,
    database_url: str,
    settings: RelaySettings,
    topics: Topics,
    limited: TopicReader,
    tmp_path: Path,
) -> None:
    """With compression only the broker knows whether a record is too large. These have twice the limit."""
    noise = base64.b64encode(random.Random(1).randbytes(LARGE)).decode()
    process = relay_process(settings, tmp_path, KAFKA_CONFIG=f"compression.type={compression}")
    process.start()
    process.wait_until_ready()
    assert process.process is not None
    try:
        counted = psutil.Process(process.process.pid)
        counts: list[tuple[int, int]] = []
        for number in range(times):
            with session(database_url) as writer:
                append(writer, topics.events, "large", value=noise)
                event = append(writer, topics.events, str(number))
                writer.commit()
            limited.read_events([event])
            counts.append((counted.num_threads(), counted.num_fds()))
    finally:
        process.kill()
    (threads, files), (threads_then, files_then) = counts[0], counts[-1]
    assert threads_then <= threads + 4, counts
    assert files_then <= files + 8, counts
    assert execute(database_url, "SELECT count(*) FROM dead_letters") == [(times,)]


ODD_ROWS = {
    "headers with a NUL, and no pair": ("{topic}", '[["a", "\\u0000"], 1]'),
    "headers with half a surrogate pair": ("{topic}", '[["a", "\\ud800"]]'),
    "headers nested too deeply": ("{topic}", "[" * 5000 + "]" * 5000),
    "headers with a number that jsonb cannot hold": ("{topic}", '[["a", 1e200000]]'),
    "headers that are no list": ("{topic}", '{"a": 1}'),
    "a topic name of 9,000 characters": ("x" * 9000, "[]"),
    "a topic name of 9,000 incompressible characters": ("{noise}", "[]"),
    "a topic name that is a dot": (".", "[]"),
    "a topic name with a space": ("no topic", "[]"),
}


def test_no_content_of_a_row_delays_other_rows(
    database_url: str, settings: RelaySettings, topics: Topics, limited: TopicReader
) -> None:
    """Each is between two good rows of one key. The database of today would refuse some of them."""
    without_rules(database_url, "headers_are_list", "topic_name")
    noise = execute(database_url, "SELECT string_agg(md5(n::text), '') FROM generate_series(1, 300) AS n")[0][0]
    with session(database_url) as writer:
        good = [append(writer, topics.events, "k")]
        for topic, headers in ODD_ROWS.values():
            named = topic.format(topic=topics.events, noise=noise)
            with writer.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO outbox (event_id, topic, key, type, value, headers)"
                    " VALUES (gen_random_uuid(), %s, 'odd', 'thing.happened', 'value', %s)",
                    (named, headers),
                )
            good.append(append(writer, topics.events, "k"))
        writer.commit()
    with RunningRelay(settings) as relay:
        records = limited.read_events(good)
    assert relay.code == 0
    assert [record.event_id for record in records] == good
    kept = execute(database_url, 'SELECT "offset", convert_from(value, \'UTF8\') FROM dead_letters ORDER BY "offset"')
    assert kept == [(2 * number, "value") for number in range(1, len(ODD_ROWS) + 1)]


def rows(database_url: str, homeless: str, events: str, *numbers: int) -> tuple[list[str], list[str]]:
    """For each number, one row for a missing topic and one for the events topic. Returns their event ids."""
    with session(database_url) as writer:
        waiting, others = [], []
        for number in numbers:
            waiting.append(append(writer, homeless, "h", sequence=number))
            others.append(append(writer, events, "k", sequence=number))
            writer.commit()
    return waiting, others


def test_missing_topic_delays_only_its_own_rows(
    database_url: str, kafka: Kafka, topics: Topics, limited: TopicReader, tmp_path: Path
) -> None:
    """The topic's rows are published in order once it exists, also after a restart of the relay."""
    homeless = f"{topics.events}_by_another_service"
    settings = settings_for(database_url, kafka, topics, relay_batch_size=4)
    waiting, others = rows(database_url, homeless, topics.events, *range(1, 21))
    process = relay_process(settings, tmp_path)
    process.start()
    try:
        limited.read_events(others)
        wait_until_ready_says(process.port, homeless)
        wait_until_metrics_say(process.port, f'relay_rows_aside{{topic="{homeless}"}} 20.0')
        assert execute(database_url, "SELECT low FROM relay_checkpoints") == [(0,)]
        assert process.stop() == 0
        process.start()
        later, theirs = rows(database_url, homeless, topics.events, 21)
        limited.read_events(others + theirs)
        make_topic(kafka, homeless, partitions=1)
        reader = TopicReader(kafka, homeless)
        records = reader.read_events(waiting + later)
        reader.close()
        process.wait_until_ready()
        assert process.stop() == 0
    finally:
        process.kill()
    assert [record.event_id for record in records] == waiting + later
    assert [record.event_id for record in limited.read_to_end()] == others + theirs
    assert execute(database_url, "SELECT low, ranges FROM relay_checkpoints") == [(42, [])]
