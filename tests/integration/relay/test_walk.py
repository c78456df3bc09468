"""The relay enters every file of its walk in docs/architecture.md, and the walk of a replay names all of its files."""

from uuid import UUID

import pytest

from devstack.kafka import Kafka
from devstack.topics import Topics
from relay.settings import RelaySettings
from service.storage.engine import FOR_OPERATORS, make_engine
from service.storage.operator_outbox import Selection
from service.usecases.operations.replay import Replay
from tests.integration.relay.running import RunningRelay, TopicReader
from tests.integration.relay.writers import write
from tests.support.walk import files_entered, files_of_walk

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.real_kafka]


def test_documented_walk_of_the_relay_lists_files_it_runs(
    database_url: str, kafka: Kafka, settings: RelaySettings, topics: Topics, reader: TopicReader
) -> None:
    def publish() -> None:
        with RunningRelay(settings):
            reader.read_events(write(database_url, topics.events, 1))

    walk = files_of_walk("The relay, from its lock to the topic")
    entered = files_entered(publish)
    assert walk
    assert set(walk) <= set(entered)


def test_documented_walk_of_a_replay_lists_the_files_it_runs(database_url: str, topics: Topics) -> None:
    (event,) = write(database_url, topics.events, 1)
    engine = make_engine(database_url, 1, FOR_OPERATORS)

    def replay() -> None:
        assert list(Replay.plan(engine, Selection(event_ids=[UUID(event)])).run(engine)) == [1]

    entered = files_entered(replay)
    engine.dispose()
    assert sorted(entered) == sorted(files_of_walk("A replay, from the command line's choice to the outbox"))
