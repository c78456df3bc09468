"""The runbook's cut-over by logical replication, with PostgreSQL's own: sequences are not copied."""

from pathlib import Path

import pytest

from devstack.kafka import Kafka
from devstack.postgres_embedded import EmbeddedPostgres
from service.storage import migrate
from tests.crash.relays_under_faults import relays_under_faults
from tests.integration.relay.running import relay_process, settings_for
from tests.integration.relay.writers import execute, session, wait_for, write
from tests.support.emptying import UNGUARDED

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]


def _outside_a_transaction(url: str, statement: str) -> None:
    with session(url) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)


@pytest.mark.parametrize("mended", [True, False], ids=["as the runbook says", "the sequence forgotten"])
def test_a_cut_over_by_logical_replication_publishes_every_row_once(kafka: Kafka, tmp_path: Path, mended: bool) -> None:
    with EmbeddedPostgres({"wal_level": "logical"}) as old, EmbeddedPostgres() as new:
        old_url, new_url = (server.databases.create("payments") for server in (old, new))
        for url in (old_url, new_url):
            migrate.upgrade(url)
        with relays_under_faults(old_url, kafka, tmp_path, batch_size=4) as rig:
            rig.start()
            before = write(old_url, rig.topics.events, 12)
            rig.reader.read_events(before)
            wait_for(old_url, "SELECT 1 FROM relay_checkpoints WHERE low = 12")
            rig.kill_all()
            execute(old_url, "CREATE PUBLICATION everything FOR TABLE outbox, relay_checkpoints")
            execute(new_url, f"{UNGUARDED}; DELETE FROM relay_checkpoints")
            _outside_a_transaction(
                new_url, f"CREATE SUBSCRIPTION everything CONNECTION '{old_url}' PUBLICATION everything"
            )
            wait_for(new_url, "SELECT 1 FROM outbox HAVING count(*) = 12")
            wait_for(new_url, "SELECT 1 FROM relay_checkpoints WHERE low = 12")
            _outside_a_transaction(new_url, "DROP SUBSCRIPTION everything")
            if mended:
                execute(new_url, "SELECT mend_outbox_sequence()")
            settings = rig.settings.model_copy(
                update={"database_url": settings_for(new_url, kafka, rig.topics).database_url}
            )
            relay = relay_process(settings, tmp_path)
            relay.start()
            relay.wait_until_ready()
            after = write(new_url, rig.topics.events, 5, first=13)
            rig.reader.read_events(after)
            relay.kill()
            assert [record.event_id for record in rig.reader.read_to_end()] == [*before, *after]
