"""A dump is loaded over the database that a running relay publishes from."""

from pathlib import Path

import pytest

from devstack.kafka import Kafka
from devstack.postgres_embedded import EmbeddedPostgres
from tests.crash.relays_under_faults import relays_under_faults
from tests.integration.relay.writers import execute, write
from tests.support.emptying import UNGUARDED

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]


@pytest.mark.parametrize("emptied", [False, True], ids=["new tables", "same tables"])
def test_rows_written_after_a_restore_in_place_are_published(
    emptied: bool, killable_database_url: str, killable_postgres: EmbeddedPostgres, kafka: Kafka, tmp_path: Path
) -> None:
    """The positions of rows published after the dump are assigned again, first to fewer rows, then to more."""
    dump = killable_postgres.data_directory.parent / f"{tmp_path.name}.dump"
    with relays_under_faults(killable_database_url, kafka, tmp_path, batch_size=4) as rig:
        rig.start()
        kept = write(rig.url, rig.topics.events, 10)
        rig.reader.read_events(kept)
        killable_postgres.run("pg_dump", "--format=custom", f"--file={dump}", rig.url)
        lost = write(rig.url, rig.topics.events, 20, first=11)
        rig.reader.read_events(lost)

        if emptied:
            _load_into_same_tables(killable_postgres, rig.url, dump)
        else:
            killable_postgres.run("pg_restore", "--clean", "--if-exists", f"--dbname={rig.url}", str(dump))
        fewer = write(rig.url, rig.topics.events, 12, first=11)
        assert execute(rig.url, "SELECT max(position) FROM outbox") == [(22,)]
        rig.reader.read_events(fewer)
        more = write(rig.url, rig.topics.events, 13, first=23)
        rig.reader.read_events(more)
        rig.kill_all()
        rig.start()
        later = write(rig.url, rig.topics.events, 3, first=36)
        published = rig.reader.read_events(later)
        assert [record.event_id for record in published] == [*kept, *lost, *fewer, *more, *later]


def _load_into_same_tables(server: EmbeddedPostgres, url: str, dump: Path) -> None:
    """Loads the dump in one transaction, because the running relay's writes into an emptied table would conflict."""
    script = dump.with_suffix(".sql")
    tables = [f"--table={name}" for name in ("outbox", "outbox_position_seq", "relay_checkpoints")]
    server.run("pg_restore", "--data-only", *tables, f"--file={script}", str(dump))
    # The lock lasts to the end. The checkpoint is first, as in the statement with which the relay saves it.
    emptied = f"{UNGUARDED}; TRUNCATE relay_checkpoints, outbox; SET LOCAL session_replication_role = origin"
    server.run("psql", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--command={emptied}", f"--file={script}", url)
