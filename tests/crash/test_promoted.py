"""A promoted standby loses nothing, during a backlog and with old records deleted by retention."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.kafka import Kafka
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.topics import make_topic
from tests.crash.relays_under_faults import RelaysUnderFaults, relays_under_faults
from tests.integration.relay.retention import delete_before
from tests.integration.relay.running import TopicReader
from tests.integration.relay.writers import append, session

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]

ROWS = 3000
PUBLISHED_BEFORE = 200


def _remembered(rig: RelaysUnderFaults) -> None:
    """The receipt still exists."""


@pytest.mark.parametrize("lose", [_remembered, RelaysUnderFaults.forget_receipt])
def test_promotion_during_a_backlog_loses_nothing(
    lose: Callable[[RelaysUnderFaults], None],
    killable_database_url: str,
    killable_postgres: EmbeddedPostgres,
    kafka: Kafka,
    tmp_path: Path,
) -> None:
    """The dead letters' topic contains only one record, which is younger than the backlog of the other topic."""
    with relays_under_faults(killable_database_url, kafka, tmp_path, batch_size=50) as rig:
        dead_letters = make_topic(kafka, rig.settings.dead_letter_topic, partitions=1)
        with session(rig.url) as backlog, session(rig.url) as writer:
            late = [append(backlog, dead_letters, "late")]
            events = [append(backlog, rig.topics.events, f"k{number % 7}") for number in range(ROWS)]
            letters = [append(writer, dead_letters, "dead"), append(writer, dead_letters, "dead")]
            early = [append(writer, rig.topics.events, "early") for _ in range(PUBLISHED_BEFORE)]
            writer.commit()
            reader = TopicReader(kafka, dead_letters)
            rig.start()
            rig.reader.read_events(early)
            reader.read_events(letters)
            rig.kill_all()
            backlog.commit()  # written before the dead letters were published, and not read yet
        delete_before(kafka, dead_letters, 1)
        lose(rig)
        killable_postgres.promote()
        rig.start()

        assert [record.event_id for record in reader.read_events(late)] == [*letters, *late]
        reader.close()
        assert sorted(record.event_id for record in rig.reader.read_events(events)) == sorted([*early, *events])
