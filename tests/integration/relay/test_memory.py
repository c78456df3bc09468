"""The relay resumes correctly without receipt or checkpoint, and after a restore of the database."""

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from confluent_kafka.admin import AdminClient

from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.topics import Topics
from relay.settings import RelaySettings
from tests.integration.relay.running import RunningRelay, TopicReader, publish, settings_for
from tests.integration.relay.writers import append, execute, session, wait_for, write

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]


@pytest.fixture
def copy_of(postgres_server: Postgres) -> Iterator[Callable[[str], str]]:
    """Copies the present state of a database, as a backup would. Returns the copy's URL."""
    made: list[str] = []

    def copy(url: str) -> str:
        made.append(f"copy_{secrets.token_hex(6)}")
        return postgres_server.databases.create(made[-1], template=url.rpartition("/")[2])

    yield copy
    for name in made:
        postgres_server.databases.drop(name)


def forget_receipt(settings: RelaySettings) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers})
    admin.delete_consumer_groups([settings.relay_name])[settings.relay_name].result(30)


def forget_checkpoint(settings: RelaySettings) -> None:
    execute(settings.database_url.get_secret_value(), "DELETE FROM relay_checkpoints")


def age_checkpoint(settings: RelaySettings) -> None:
    """Set the checkpoint back, as if the relay had died before each save."""
    execute(settings.database_url.get_secret_value(), "UPDATE relay_checkpoints SET low = 1, ranges = '[]'")


@pytest.mark.parametrize(
    ("delivery", "losses"),
    [
        ("exactly-once", (forget_receipt,)),
        ("exactly-once", (forget_checkpoint,)),
        ("exactly-once", (age_checkpoint,)),
        ("exactly-once", (forget_receipt, age_checkpoint)),
        ("exactly-once", (forget_receipt, forget_checkpoint)),
        ("at-least-once", (forget_checkpoint,)),
        ("at-least-once", (age_checkpoint,)),
    ],
)
def test_relay_publishes_once_after_losing_receipt_or_checkpoint(
    delivery: str,
    losses: tuple[Callable[[RelaySettings], None], ...],
    database_url: str,
    kafka: Kafka,
    topics: Topics,
    reader: TopicReader,
) -> None:
    settings = settings_for(database_url, kafka, topics, relay_delivery=delivery)
    events = write(database_url, topics.events, 10)
    publish(settings, reader, events)
    for lose in losses:
        lose(settings)
    events += write(database_url, topics.events, 5, first=11)
    publish(settings, reader, events)

    assert [record.event_id for record in reader.read_to_end()] == events


def test_replay_survives_the_loss_of_receipt_and_checkpoint(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """The event id is published once as an event and once as a replay. No second replay is published."""
    (event,) = write(database_url, topics.events, 1)
    with session(database_url) as writer:
        append(writer, topics.events, event_id=event, replayed=True)
        writer.commit()
    with RunningRelay(settings):
        reader.read(until=lambda reader: len(reader.records) == 2)
    forget_receipt(settings)
    forget_checkpoint(settings)
    with session(database_url) as writer:
        append(writer, topics.events, event_id=event, replayed=True)
        writer.commit()
    with RunningRelay(settings):
        reader.read(until=lambda reader: len(reader.records) == 3)

    assert len(reader.read_to_end()) == 3


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_rows_written_after_a_restore_are_published(
    delivery: str,
    database_url: str,
    kafka: Kafka,
    topics: Topics,
    settings: RelaySettings,
    reader: TopicReader,
    copy_of: Callable[[str], str],
) -> None:
    """Records published after the backup stay in the topic. Rows written after the restore have their positions."""
    settings = settings.model_copy(update={"relay_delivery": delivery})
    kept = write(database_url, topics.events, 5)
    publish(settings, reader, kept)
    waiting = write(database_url, topics.events, 5, first=6)
    restored = copy_of(database_url)
    lost = write(database_url, topics.events, 5, first=11)
    publish(settings, reader, lost)

    again = write(restored, topics.events, 8, first=11)
    old, new = (execute(url, "SELECT max(position) FROM outbox")[0][0] for url in (database_url, restored))
    assert (old, new) == (15, 18)
    after_restore = settings_for(restored, kafka, topics, relay_delivery=delivery)
    publish(after_restore, reader, again)
    later = write(restored, topics.events, 3, first=19)
    publish(after_restore, reader, later)

    assert [record.event_id for record in reader.read_to_end()] == [*kept, *waiting, *lost, *again, *later]


def test_rows_written_after_a_restore_under_a_running_relay_are_published(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    """Positions 4 and 5 are handed out again, and nothing notifies the relay of the restore."""
    events = write(database_url, topics.events, 5)
    with RunningRelay(settings):
        reader.read_events(events)
        wait_for(database_url, "SELECT 1 FROM relay_checkpoints WHERE low = 5")
        with session(database_url) as restore, restore.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("DELETE FROM outbox WHERE position > 3")
            cursor.execute("UPDATE relay_checkpoints SET low = 3")
            cursor.execute("SELECT setval('outbox_position_seq', 3)")
            restore.commit()
        again = write(database_url, topics.events, 3, first=4)
        assert execute(database_url, "SELECT max(position) FROM outbox") == [(6,)]
        reader.read_events(again)
        later = write(database_url, topics.events, 2, first=7)
        reader.read_events(later)

    assert [record.event_id for record in reader.read_to_end()] == [*events, *again, *later]


@pytest.mark.parametrize("delivery", ["exactly-once", "at-least-once"])
def test_rows_are_published_after_a_restore_that_kept_sequence_and_checkpoint(
    database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader, delivery: str
) -> None:
    """Sequence and checkpoint are unchanged. Only the last row shows that this is another history."""
    events = write(database_url, topics.events, 5)
    often = {"relay_delivery": delivery, "relay_poll_interval": timedelta(seconds=0.5)}  # a restore sends no wake-up
    with RunningRelay(settings.model_copy(update=often)):
        reader.read_events(events)
        wait_for(database_url, "SELECT 1 FROM relay_checkpoints WHERE low = 5")
        with session(database_url) as restore, restore.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("DELETE FROM outbox WHERE position > 3")
            others = [append(restore, topics.events, f"other-{number}") for number in range(2)]
            cursor.execute("CREATE TEMP TABLE moved AS SELECT * FROM outbox WHERE position > 5")
            cursor.execute("DELETE FROM outbox WHERE position > 5")
            cursor.execute("UPDATE moved SET position = position - 2")
            cursor.execute("INSERT INTO outbox OVERRIDING SYSTEM VALUE SELECT * FROM moved")
            restore.commit()
        reader.read_events(others)

    assert [record.event_id for record in reader.read_to_end()] == [*events, *others]


def test_partial_receipt_loses_and_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch, database_url: str, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    monkeypatch.setattr("relay.receipt._MAX_RANGES", 1)
    with session(database_url) as first, session(database_url) as second, session(database_url) as third:
        events = []
        for number, slow in enumerate((first, second, third)):
            append(slow, topics.events, f"slow-{number}")
            events += write(database_url, topics.events, 2, first=2 * number + 1)
        publish(settings, reader, events)
        third.commit()
        publish(settings, reader, events)
    events += write(database_url, topics.events, 2, first=7)
    publish(settings, reader, events)

    keys = [record.key for record in reader.read_to_end()]
    assert sorted(keys) == ["k"] * 8 + ["slow-2"]
