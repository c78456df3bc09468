"""A database that went back in time assigns positions again, and no row written afterwards is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.kafka import Kafka
from devstack.postgres_embedded import EmbeddedPostgres
from tests.crash.backup import Backup, Return
from tests.crash.relays_under_faults import RelaysUnderFaults, relays_under_faults
from tests.integration.relay.running import relay_process, settings_for
from tests.integration.relay.writers import append, execute, session, write
from tests.support.own_servers import own_database

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]


@pytest.fixture
def another_database_url() -> Iterator[str]:
    """A migrated database on a server with another system identifier."""
    with own_database("restored") as url:
        yield url


def _published(rig: RelaysUnderFaults) -> list[str]:
    return [record.event_id for record in rig.reader.read_to_end()]


@pytest.mark.parametrize("how", list(Return))
def test_rows_written_after_a_backup_restore_are_published(
    killable_database_url: str,
    killable_postgres: EmbeddedPostgres,
    kafka: Kafka,
    tmp_path: Path,
    how: Return,
) -> None:
    """The relay runs continuously. It publishes some rows of the backup before the backup is made, and some after."""
    with relays_under_faults(killable_database_url, kafka, tmp_path, batch_size=4) as rig:
        rig.start()
        kept = write(rig.url, rig.topics.events, 10)
        rig.reader.read_events(kept)
        rig.kill_all()
        waiting = write(rig.url, rig.topics.events, 10, first=11)
        backup = Backup(killable_postgres, tmp_path)
        rig.start()
        lost = write(rig.url, rig.topics.events, 10, first=21)
        rig.reader.read_events(lost)

        backup.restore(how)
        again = write(rig.url, rig.topics.events, 15, first=21)
        assert execute(rig.url, "SELECT max(position) FROM outbox") == [(35,)]
        rig.reader.read_events(again)
        later = write(rig.url, rig.topics.events, 5, first=36)
        rig.reader.read_events(later)
        assert _published(rig) == [*kept, *waiting, *lost, *again, *later]


def test_rows_written_after_a_dump_was_loaded_on_another_server_are_published(
    killable_database_url: str, another_database_url: str, kafka: Kafka, tmp_path: Path
) -> None:
    """The system identifier differs, and the dump contains the checkpoint."""
    with relays_under_faults(killable_database_url, kafka, tmp_path, batch_size=4) as rig:
        rig.start()
        kept = write(rig.url, rig.topics.events, 10)
        rig.reader.read_events(kept)
        _load(rig.url, another_database_url)
        lost = write(rig.url, rig.topics.events, 10, first=11)
        rig.reader.read_events(lost)
        rig.kill_all()

        again = write(another_database_url, rig.topics.events, 15, first=11)
        assert execute(another_database_url, "SELECT max(position) FROM outbox") == [(25,)]
        settings = rig.settings.model_copy(
            update={"database_url": settings_for(another_database_url, kafka, rig.topics).database_url}
        )
        elsewhere = relay_process(settings, tmp_path)
        elsewhere.start()
        rig.reader.read_events(again)
        elsewhere.kill()
        assert _published(rig) == [*kept, *lost, *again]


def _load(source: str, target: str) -> None:
    """The rows of outbox and checkpoints that a dump contains, positions included."""
    rows = execute(source, "SELECT topic, key, sequence, event_id::text FROM outbox ORDER BY position")
    with session(target) as connection:
        for topic, key, sequence, event_id in rows:
            assert isinstance(sequence, int)
            append(connection, str(topic), str(key), sequence=sequence, event_id=str(event_id))
        connection.commit()
    for checkpoint in execute(
        source, "SELECT relay, low, ranges::text, system_identifier, timeline FROM relay_checkpoints"
    ):
        execute(target, "INSERT INTO relay_checkpoints VALUES (%s, %s, %s, %s, %s)", *checkpoint)
