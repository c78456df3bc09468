"""The topics that rows name: whether records can go to them, and how large a record may be."""

import logging
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource

from relay.health import Health
from relay.kafka_errors import TOPIC_MISSING, TOPIC_NAME_INVALID, RecordRefusedError, error_of, passes, refusal
from relay.log_reader import Row

_SLICE_SECONDS = 1.0
_MADE_SECONDS = 5.0
"""Longest wait for leaders of a topic that a broker creates because it was asked about it."""

_LIMIT_SECONDS = 60.0
_FIRST_LIMIT_SECONDS = 2.0
_OVERHEAD = 61
"""Bytes of a record batch apart from its records (Apache Kafka documentation, "Message Format")."""

_MAX_UTF8 = 4
_NAME = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
"""The rule for topic names (Apache Kafka, org.apache.kafka.common.internals.Topic)."""


class Destinations:
    """Asks the broker about each topic once, and again about topics that can't be had.

    The thread that reads calls ``fault`` and ``existing``. Other threads may call the rest: it asks no broker.
    """

    def __init__(self, client_config: Mapping[str, Any], health: Health, check: Callable[[], None]) -> None:
        """``check`` is called while a broker does not answer, and raises when waiting is over."""
        config: dict[str, Any] = {**client_config, "logger": logging.getLogger("librdkafka")}
        self._admin = AdminClient(config)
        self._health = health
        self._check = check
        self._faults: dict[str, str | None] = {}
        self._limits: dict[str, int] = {}
        self._asked: dict[str, tuple[float, Future[dict[str, Any]]]] = {}
        codec = client_config.get("compression.type") or client_config.get("compression.codec") or "none"
        self._compresses = codec != "none"
        self._limits_known = False
        """False with librdkafka's mock cluster, which lets such a request time out."""

    def fault(self, topic: str) -> str | None:
        """Why no record can go to ``topic``; None when one can. Raises KafkaException when the brokers refuse us."""
        if topic not in self._faults:
            self._faults[topic] = self._ask(topic)
        if self._faults[topic] is None and self._limits_known:
            self._learn_limit(topic)
        return self._faults[topic]

    def existing(self) -> set[str]:
        """The topics that we may see; none when no broker answers now. Creates no topic.

        ``fault`` then asks again about each of them that could not be had before.
        """
        try:
            found = set(self._admin.list_topics(timeout=_SLICE_SECONDS).topics)
        except KafkaException as exc:
            if not passes(error_of(exc)):
                raise
            return set()
        for topic in [topic for topic, fault in self._faults.items() if fault is not None and topic in found]:
            del self._faults[topic]
        return found

    def is_name(self, topic: str) -> bool:
        """Whether ``topic`` is a valid name of a topic."""
        return _NAME.fullmatch(topic) is not None

    def _ask(self, topic: str) -> str | None:
        if not self.is_name(topic):
            return KafkaError(KafkaError.TOPIC_EXCEPTION).str()
        until = time.monotonic() + _MADE_SECONDS
        while True:
            error = self._error(topic)
            if error is None:
                return None
            if error.code() != KafkaError.LEADER_NOT_AVAILABLE or time.monotonic() >= until:
                return error.str()
            self._check()

    def _error(self, topic: str) -> KafkaError | None:
        while True:
            try:
                cluster = self._admin.list_topics(topic, timeout=_SLICE_SECONDS)
            except KafkaException as exc:
                if not passes(error_of(exc)):
                    raise
                self._health.waiting(error_of(exc).str())
                self._check()
            else:
                self._health.call_succeeded()
                self._limits_known = cluster.controller_id in cluster.brokers
                found = cluster.topics.get(topic)
                return KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART) if found is None else found.error

    def _learn_limit(self, topic: str) -> None:
        asked = self._asked.get(topic)
        if asked is None:
            self._limits.pop(topic, None)
            answer = self._ask_limit(topic)
            self._take_limit(topic, answer, _FIRST_LIMIT_SECONDS)
        elif asked[1].done():
            self._take_limit(topic, asked[1], 0)
            if time.monotonic() - asked[0] > _LIMIT_SECONDS:
                self._ask_limit(topic)

    def _ask_limit(self, topic: str) -> "Future[dict[str, Any]]":
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        answer: Future[dict[str, Any]] = self._admin.describe_configs([resource], request_timeout=_FIRST_LIMIT_SECONDS)[
            resource
        ]
        self._asked[topic] = time.monotonic(), answer
        return answer

    def _take_limit(self, topic: str, answer: "Future[dict[str, Any]]", seconds: float) -> None:
        try:
            self._limits[topic] = int(answer.result(seconds)["max.message.bytes"].value)
        except (KafkaException, TimeoutError, KeyError):
            # An unknown limit is no fault: the broker then refuses a record that is too large.
            self._limits.pop(topic, None)

    def limit(self, topic: str) -> int | None:
        """The largest batch of records that ``topic`` takes, in bytes; None when it is unknown."""
        return self._limits.get(topic)

    def refusals(self, rows: Sequence[Row]) -> dict[int, RecordRefusedError]:
        """The ``rows``, by their index, that Kafka would refuse, as far as this is known before they are sent."""
        named = {row[1] for row in rows}
        largest = max((len(row[2]) + len(row[3]) for row in rows), default=0)
        smallest = min((limit for topic in named if (limit := self.limit(topic)) is not None), default=math.inf)
        if _MAX_UTF8 * largest + _OVERHEAD <= smallest and not any(self._faults.get(topic) for topic in named):
            return {}
        return {at: refused for at, row in enumerate(rows) if (refused := self._refusal(row)) is not None}

    def _refusal(self, row: Row) -> RecordRefusedError | None:
        position, topic, key, value, *_ = row
        fault = self._faults.get(topic)
        if fault is not None:
            return RecordRefusedError(TOPIC_MISSING if self.is_name(topic) else TOPIC_NAME_INVALID, fault, position)
        limit = self.limit(topic)
        if limit is None or self._compresses or _MAX_UTF8 * (len(value) + len(key)) + _OVERHEAD <= limit:
            return None
        size = len(value.encode()) + len(key.encode()) + _OVERHEAD
        return refusal(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), position) if size > limit else None
