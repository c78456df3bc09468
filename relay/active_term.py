"""An active term, from the lock to its loss: the relay finds the published rows, then publishes the rest."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial

from relay import checkpoint, metrics
from relay.at_least_once import AtLeastOnce
from relay.destinations import Destinations
from relay.doubts import DoubtingSource
from relay.exactly_once import ExactlyOnce
from relay.health import Health
from relay.heartbeat import Heartbeat
from relay.held_back import HeldBackReader
from relay.lag import LagMeter
from relay.leadership import Leadership
from relay.log_reader import CREATED_AT, LastRowError, LogReader, Row
from relay.outbox_source import PostgresOutbox
from relay.producer import LARGEST_RECORD, Beat, Publisher
from relay.publish_loop import PublishLoop
from relay.readers import ReaderWatch
from relay.records import Acknowledged
from relay.settings import RelaySettings
from relay.stages import Stage
from relay.takeover import Takeover
from runtime import topic_policies
from runtime.topics import ensure_topics


def make_publisher(
    settings: RelaySettings, health: Health, beat: Beat, acknowledged: Acknowledged = lambda _: None
) -> Publisher:
    """The publisher that ``RELAY_DELIVERY`` asks for. Raises SettingError when librdkafka refuses the settings."""
    config = settings.client_config()
    if settings.relay_delivery == "at-least-once":
        return AtLeastOnce(config, health, beat, acknowledged)
    return ExactlyOnce(config, settings.relay_name, settings.payment_events_topic, health, beat, acknowledged)


class ActiveTerm:
    """One term of one leader. The next term starts from the receipt, however this one ended.

    So there is one way to begin, and no state that is known by half.
    """

    def __init__(self, settings: RelaySettings, leadership: Leadership, heartbeat: Heartbeat, health: Health) -> None:
        self._settings = settings
        self._url = settings.database_url.get_secret_value()
        self._leadership = leadership
        self._heartbeat = heartbeat
        self._health = health
        self._source: PostgresOutbox | None = None

    def run(self) -> None:
        """Run the whole term; returns once it has drained.

        Raises what ends a term early: psycopg2.Error, KafkaException, DoubtError, StoppedError, GraceOverError.
        """
        settings, health = self._settings, self._health
        with ExitStack() as stack:
            stack.callback(self._leadership.close)
            lag = stack.enter_context(closing(LagMeter(self._url, settings.relay_name, health)))
            health.enter(Stage.TAKING_OVER)
            self._leadership.take_over()
            source = self._source = stack.enter_context(closing(PostgresOutbox(self._url)))
            health.enter(Stage.MAKING_TOPICS)
            self._heartbeat.run(partial(_make_topics, settings))
            _watch_readers(settings, stack)
            publisher = stack.enter_context(
                closing(make_publisher(settings, health, self._heartbeat.beat, self._acknowledged))
            )
            beginning = Takeover(settings, self._leadership, self._heartbeat, publisher, source, health)
            receipt, life, writer = beginning.begin()
            destinations = Destinations(settings.client_config(), health, self._heartbeat.check)
            doubting = DoubtingSource(source, settings.relay_name, life)
            reader = LogReader(doubting, receipt.settled, settings.relay_batch_size, receipt.last_row)
            health.publishing = True
            metrics.ACTIVE.set(1)
            loop = PublishLoop(
                checkpoint=writer,
                reader=stack.enter_context(closing(HeldBackReader(reader, destinations, health.held_back))),
                publisher=publisher,
                leadership=self._leadership,
                heartbeat=self._heartbeat,
                receipt=receipt,
                poll_seconds=settings.relay_poll_interval.total_seconds(),
                health=health,
                known=destinations.refusals,
                lag=lag,
            )
            try:
                loop.run()
            except LastRowError as exc:
                # The relay of the next term may find no receipt that names the row.
                checkpoint.keep_doubt(self._leadership.query, settings.relay_name, life, str(exc))
                raise

    def _acknowledged(self, rows: Sequence[Row]) -> None:
        metrics.PUBLISH_SECONDS.observe(
            [created_at / 1000 for created_at in map(CREATED_AT, rows)], self._leadership.clock.now()
        )

    def sever(self) -> None:
        """End a read that waits for PostgreSQL. Any thread may call this."""
        if self._source is not None:
            self._source.sever()


def _watch_readers(settings: RelaySettings, stack: ExitStack) -> None:
    """Look for readers that can't skip control records; only transactions write such records."""
    if settings.relay_delivery == "exactly-once":
        stack.enter_context(closing(ReaderWatch(settings.client_config(), settings.payment_events_topic)))


def _make_topics(settings: RelaySettings) -> None:
    config, partitions, replication = (
        settings.client_config(),
        settings.kafka_topic_partitions,
        settings.kafka_topic_replication,
    )
    events, commands, dead_letters = (
        settings.payment_events_topic,
        settings.payment_commands_topic,
        settings.dead_letter_topic,
    )
    ensure_topics(config, [events, commands], partitions, replication)
    ensure_topics(config, [dead_letters], partitions, replication, LARGEST_RECORD)
    topic_policies.warn(config, [events, commands, dead_letters], commands, dead_letters)
