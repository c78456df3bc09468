"""Reads the topics for records that a restored database has lost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from commandline.connection import database
from commandline.failures import CannotError
from commandline.output import counting

if TYPE_CHECKING:
    from confluent_kafka import Message

    from consumer.settings import ConsumerSettings
    from runtime.topic_reader import Place
    from service.domain.messages import OutgoingMessage
    from service.usecases.operations.losses import Losses

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_MESSAGES_BEFORE = timedelta(minutes=10)
"""The largest difference allowed between the clocks of database and broker."""

_COMMANDS_BEFORE = timedelta(days=1)
"""A command may have waited so long between its sender and its processing."""

_ANSWER_SECONDS = 10.0
_LARGEST = 2**63


def read_losses(settings: "ConsumerSettings", since: datetime | None) -> "Losses":
    """Everything since then that was published or processed, and has no row. Raises CannotError."""
    from service.usecases.operations.losses import LossFinder

    begin = _EVER if since is None else since
    with database() as engine, _kafka_faults(), counting() as count:
        finder = LossFinder(engine, settings.default_currency)
        for some in _records(settings, _topics_of_ours(settings), begin, _MESSAGES_BEFORE):
            count("messages", len(some))
            finder.messages([message for record in some for message in _message(record, settings)])
        done = _processed(settings)
        for some in _records(settings, [settings.payment_commands_topic], begin, _COMMANDS_BEFORE):
            count("commands", len(some))
            finder.records([_command(record, done) for record in some])
        return finder.losses()


def _topics_of_ours(settings: "ConsumerSettings") -> list[str]:
    return [settings.payment_events_topic, settings.dead_letter_topic, settings.payment_commands_topic]


@contextmanager
def _kafka_faults() -> Iterator[None]:
    from confluent_kafka import KafkaException

    try:
        yield
    except KafkaException as error:
        raise CannotError(f"kafka: {error.args[0].str()}; nothing was changed") from error


def _records(
    settings: "ConsumerSettings", topics: list[str], since: datetime, before: timedelta
) -> Iterator[list["Message"]]:
    from runtime.topic_reader import extents, messages

    begin = since if since == _EVER else since - before
    wanted = extents(settings.client_config(), dict.fromkeys(topics, begin))
    return messages(settings.client_config(), wanted, lambda: None)


def _processed(settings: "ConsumerSettings") -> "dict[Place, int]":
    """The offset of each partition of the commands topic up to which its group has processed the records."""
    from confluent_kafka import Consumer, TopicPartition

    config: dict[str, Any] = {**settings.client_config(), "group.id": settings.consumer_group_id, "log_level": 0}
    consumer = Consumer(config)
    try:
        topic = settings.payment_commands_topic
        known = consumer.list_topics(timeout=_ANSWER_SECONDS).topics.get(topic)
        places = [TopicPartition(topic, number) for number in (known.partitions if known is not None else ())]
        committed = consumer.committed(places, _ANSWER_SECONDS) if places else []
        return {(place.topic, place.partition): place.offset for place in committed}
    finally:
        consumer.close()


def _command(record: "Message", done: "dict[Place, int]") -> tuple[Any, bool]:
    from consumer.intake import origin_of

    origin = origin_of(record)
    return origin, origin.offset < done.get((origin.topic, origin.partition), 0)


def _message(record: "Message", settings: "ConsumerSettings") -> Iterator["OutgoingMessage"]:
    """The row of the outbox that the relay made this record of; nothing for a record of somebody else."""
    from consumer.intake import origin_of
    from service.domain.messages import DEAD_LETTER, SOURCE, OutgoingMessage

    origin = origin_of(record)
    try:
        headers = [(name, (value or b"").decode()) for name, value in origin.headers]
        key, value = (origin.key or b"").decode(), (origin.value or b"").decode()
        named = dict(headers)
        event_id = UUID(named.get("ce_id", ""))
        sequence = int(named["sequence"]) if "sequence" in named else None
        is_ours = isinstance(json.loads(value), dict) and (sequence is None or 0 < sequence < _LARGEST)
    except (ValueError, RecursionError):  # anybody with the right to write to the topic may write any value
        return
    is_letter = origin.topic == settings.dead_letter_topic
    if not is_ours or named.get("replayed") == "true" or not (is_letter or named.get("ce_source") == SOURCE):
        return
    kind = DEAD_LETTER if is_letter else named.get("ce_type", "")
    yield OutgoingMessage(event_id, origin.topic, key, kind, value, headers, sequence, origin.sent_at)
