"""Tells topics of the same name apart: Kafka gives each topic an id of its own (KIP-516)."""

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from runtime.logs import get_logger

_log = get_logger(__name__)
_EVERY = 2.0
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"  # 128 zero bits in base64: a broker without ids
_PREFIX = "topic-id="


def to_metadata(topic_id: str | None) -> str | None:
    """The string that is committed with an offset."""
    return None if topic_id is None else f"{_PREFIX}{topic_id}"


def from_metadata(metadata: str | None) -> str | None:
    """The topic's id in the metadata of a committed offset; None if there is none, as after an operator's reset."""
    return metadata.removeprefix(_PREFIX) if metadata and metadata.startswith(_PREFIX) else None


class TopicIdentity:
    """The id of one topic. For the polling thread only."""

    def __init__(self, client_config: Mapping[str, Any], topic: str) -> None:
        config: dict[str, Any] = {"log_level": 2, **client_config, "logger": logging.getLogger("librdkafka")}
        self.client = AdminClient(config)
        self._topic = topic
        self._has_ids: bool | None = None
        self._asked: Future[Any] | None = None
        self._ask_at = 0.0

    def current(self, seconds: float) -> str | None:
        """The topic's id; None if the broker has no ids. Raises KafkaException: no answer, or no such topic."""
        if self._has_ids is None:
            cluster = self.client.list_topics(timeout=seconds)
            # The controller is asked for ids; librdkafka's mock cluster has none.
            self._has_ids = cluster.controller_id in cluster.brokers
        return self._id(self._ask(seconds).result()) if self._has_ids else None

    def look(self) -> str | None:
        """The id in an answer that came since the last look; None if none came. Asks every two seconds, never waits."""
        answered = self._asked
        if answered is None:
            if self._has_ids and time.monotonic() >= self._ask_at:
                self._asked = self._ask(_EVERY)
                self._ask_at = time.monotonic() + _EVERY
            return None
        if not answered.done():
            return None
        self._asked = None
        try:
            return self._id(answered.result())
        except KafkaException as exc:
            _log.debug("no topic's id", topic=self._topic, error=exc.args[0].str())  # The reader reports the fault.
            return None

    def _ask(self, seconds: float) -> "Future[Any]":
        return self.client.describe_topics(TopicCollection([self._topic]), request_timeout=seconds)[self._topic]

    def _id(self, description: Any) -> str | None:
        found = str(description.topic_id)
        return None if found == _NO_ID else found
