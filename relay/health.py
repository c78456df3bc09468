"""What /ready says of the relay. Standing by is ready; not being able to is not."""

import json
import time

from confluent_kafka import KafkaError

from service.logs import get_logger

_log = get_logger(__name__)
_SILENCE_SECONDS = 30.0


class Health:
    """Fed by the relay's turns and by librdkafka's callbacks (librdkafka manual, STATISTICS.md)."""

    def __init__(self) -> None:
        self._turn: str | None = "database: not reached yet"
        self._kafka: str | None = None
        self._last_error = "not connected"
        self._silent_until: dict[int, float] = {}

    def fault(self) -> str | None:
        """None when ready, else the failing part and why."""
        return self._turn or self._kafka

    def failed(self, why: str) -> None:
        """A turn ended; ``why`` starts with the failing part."""
        self._turn = why

    def working(self) -> None:
        """Standing by, or publishing."""
        self._turn = None

    def on_error(self, error: KafkaError) -> None:
        """librdkafka mends these itself, and repeats them while it tries: of one kind, one is told in a while."""
        self._last_error = error.str()
        now = time.monotonic()
        if now >= self._silent_until.get(error.code(), now):
            self._silent_until[error.code()] = now + _SILENCE_SECONDS
            _log.warning("kafka", error=error.str(), code=error.name())

    def on_statistics(self, text: str) -> None:
        """Whether any broker is connected."""
        brokers = json.loads(text).get("brokers", {}).values()
        connected = any(broker.get("state") == "UP" for broker in brokers)
        self._kafka = None if connected else f"kafka: {self._last_error}"

    def without_kafka(self) -> None:
        """No client of Kafka runs now that could tell."""
        self._kafka = None
