"""Positions below published ones are handed out again. No unpublished row counts as published."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from commandline.main import cli
from devstack.kafka import Kafka
from devstack.topics import Topics
from relay.settings import RelaySettings
from tests.integration.relay.running import RunningRelay, TopicReader, publish, settings_for
from tests.integration.relay.writers import append, execute, session, wait_for, write
from tests.support.emptying import UNGUARDED
from tests.support.own_servers import own_database

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka, pytest.mark.usefixtures("quiet")]

SEQUENCE = "pg_get_serial_sequence('outbox', 'position')"
CACHE_OF_ONE = "SELECT 1 FROM pg_sequence WHERE seqrelid = 'outbox_position_seq'::regclass AND seqcache = 1"


def set_back(url: str) -> None:
    """Set the sequence back, as a copy without the sequence does. Pruned positions are handed out again."""
    execute(url, f"{UNGUARDED}; DELETE FROM outbox WHERE position <= 8")
    execute(url, f"SELECT setval({SEQUENCE}, 1, false)")


def begin_anew(url: str) -> None:
    """Empty all tables."""
    execute(url, f"{UNGUARDED}; TRUNCATE outbox RESTART IDENTITY")


def outbox(settings: RelaySettings, *words: str, code: int = 0) -> Any:
    """The JSON output of an operator's command."""
    env = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "RELAY_NAME": settings.relay_name,
    }
    result = CliRunner(env=env).invoke(cli, ["outbox", *words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def published(reader: TopicReader) -> list[str]:
    return [record.event_id for record in reader.read_to_end()]


@pytest.mark.parametrize("again", [set_back, begin_anew])
def test_running_relay_publishes_rows_at_reused_positions(
    again: Callable[[str], None], database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    # The poll finds the rows. A wake-up comes only if the relay already sleeps.
    with RunningRelay(settings.model_copy(update={"relay_poll_interval": timedelta(seconds=1)})):
        before = write(database_url, topics.events, 10)
        reader.read_events(before)
        again(database_url)
        after = write(database_url, topics.events, 5, first=11)
        assert execute(database_url, "SELECT min(position) FROM outbox") == [(1,)]
        reader.read_events(after)
        later = write(database_url, topics.events, 5, first=16)
        reader.read_events(later)
        assert published(reader) == [*before, *after, *later]


def test_rows_at_reused_positions_count_as_unpublished_until_a_relay_publishes_them(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    before = write(database_url, topics.events, 10)
    publish(settings, reader, before)
    set_back(database_url)
    after = write(database_url, topics.events, 5, first=11)

    rows = outbox(settings, "list")
    assert {row["event_id"]: row["published"] for row in rows} == {
        event: event in before for event in after + before[8:]
    }
    (relay,) = outbox(settings, "stats")["relays"]
    assert relay["waiting"] == 5
    assert "handed out again" in relay["doubt"]

    publish(settings, reader, after)
    assert published(reader) == [*before, *after]
    assert all(row["published"] for row in outbox(settings, "list"))
    (relay,) = outbox(settings, "stats")["relays"]
    assert (relay["waiting"], relay["doubt"]) == (0, None)


def test_repair_appends_above_all_used_positions(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """No relay has run since the positions were handed out again. The topic has events whose rows are gone."""
    publish(settings, reader, write(database_url, topics.events, 10))
    set_back(database_url)
    after = write(database_url, topics.events, 5, first=11)
    found = outbox(settings, "audit", "--since", "1h", code=1)
    assert [row["event_id"] for row in found["missing"]] == after
    assert outbox(settings, "audit", "--since", "1h", "--repair", "--reason", "test", "--yes", code=1)["repaired"] == 5
    replayed = execute(database_url, "SELECT min(position) FROM outbox WHERE replayed")
    assert replayed > [(10,)]
    publish(settings, reader, after)


def test_key_keeps_its_order_if_its_older_row_has_a_higher_position(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """Rows that waited when the copy was made come before rows that were written to the copy."""
    before = write(database_url, topics.events, 10)
    publish(settings, reader, before)
    waiting = write(database_url, topics.events, 3, first=11)
    set_back(database_url)
    after = write(database_url, topics.events, 5, first=14)
    with RunningRelay(settings):
        reader.read_events(after + waiting)
        later = write(database_url, topics.events, 2, first=19)
        reader.read_events(later)
    assert published(reader) == [*before, *waiting, *after, *later]


@pytest.fixture
def another_database_url() -> Iterator[str]:
    """A migrated database on a server with another system identifier."""
    with own_database("green") as url:
        yield url


@pytest.mark.parametrize("mended", [False, True], ids=["sequence left behind", "sequence put right too late"])
@pytest.mark.parametrize("checkpoint_too", [True, False], ids=["checkpoint copied", "checkpoint not copied"])
def test_cut_over_by_logical_replication_publishes_every_row_once(
    database_url: str,
    another_database_url: str,
    kafka: Kafka,
    topics: Topics,
    settings: RelaySettings,
    reader: TopicReader,
    checkpoint_too: bool,
    mended: bool,
) -> None:
    """Logical replication copies rows and no sequences, so the first rows of the new database have used positions."""
    before = write(database_url, topics.events, 10)
    publish(settings, reader, before)
    execute(database_url, "DELETE FROM outbox WHERE position <= 8")
    waiting = write(database_url, topics.events, 2, key="other")
    copy_rows(database_url, another_database_url, "outbox")
    if checkpoint_too:
        copy_rows(database_url, another_database_url, "relay_checkpoints")
    after = write(another_database_url, topics.events, 5, first=11)
    assert execute(another_database_url, "SELECT min(position) FROM outbox") == [(1,)]
    if mended:
        execute(another_database_url, f"SELECT setval({SEQUENCE}, (SELECT max(position) FROM outbox))")
    with RunningRelay(settings_for(another_database_url, kafka, topics, relay_name=settings.relay_name)):
        reader.read_events(after + waiting)
        later = write(another_database_url, topics.events, 3, first=16)
        reader.read_events(later)
    assert sorted(published(reader)) == sorted([*before, *waiting, *after, *later])


def copy_rows(source: str, target: str, table: str) -> None:
    rows = execute(source, f"SELECT to_jsonb(t)::text FROM {table} t")
    for (row,) in rows:
        execute(
            target,
            f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::{table}, %s)",
            row,
        )


def test_cached_sequence_loses_no_row(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """Each session draws twenty positions at once and uses them later."""
    with RunningRelay(settings.model_copy(update={"relay_poll_interval": timedelta(seconds=1)})):
        events = write(database_url, topics.events, 1, key="first")
        reader.read_events(events)
        execute(database_url, "ALTER SEQUENCE outbox_position_seq CACHE 20")
        with session(database_url) as one, session(database_url) as two, session(database_url) as three:
            for turn in range(10):
                for number, writer in enumerate((three, one, two)):
                    events.append(append(writer, topics.events, f"key-{number}"))
                    writer.commit()
                if turn in {1, 5}:
                    reader.read(until=lambda reader: events[-1] in reader.event_ids)
            wait_for(database_url, CACHE_OF_ONE)  # the relay needs a moment without a transaction that drew a position
            slow = append(two, topics.events, "slow")
            events += write(database_url, topics.events, 1, key="last")
            reader.read_events(events[-1:])
            two.commit()
        reader.read_events([*events, slow])
    assert sorted(published(reader)) == sorted([*events, slow])
    assert execute(database_url, CACHE_OF_ONE)
