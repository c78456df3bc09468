"""The connection to Kafka's brokers, as librdkafka's callbacks report it (librdkafka manual, STATISTICS.md)."""

import math
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError

from runtime.logs import get_logger

_log = get_logger(__name__)
_SILENCE_SECONDS = 30.0
_STALE_SECONDS = 3.0


class Throttle:
    """Lets one of several equal messages through, and the next one 30 seconds later."""

    def __init__(self) -> None:
        self._silent_until: dict[str, float] = {}

    def lets_through(self, what: str) -> bool:
        """Whether the message ``what`` may be logged now."""
        now = time.monotonic()
        if now < self._silent_until.get(what, -math.inf):
            return False
        self._silent_until[what] = now + _SILENCE_SECONDS
        return True


class BrokerConnection:
    """Whether any broker is connected, and the last error."""

    def __init__(self) -> None:
        self.connected = False
        self.last_error = "not connected yet"
        self._throttle = Throttle()
        self._clients: dict[str, tuple[float, bool]] = {}
        """Of each client that was connected once: its last report, and whether it was connected then."""

    def on_error(self, error: KafkaError) -> None:
        """Keep an error. librdkafka repeats errors while it reconnects, so one of each kind is logged every 30 s."""
        self.last_error = error.str()
        if self._throttle.lets_through(error.name()):
            _log.warning("kafka", error=error.str(), code=error.name())

    def on_statistics(self, statistics: Mapping[str, Any]) -> None:
        """Take the states of the brokers as one client of the process knows them, once a second.

        A client that is still connecting says nothing about Kafka while another one is connected. A client that has
        lost its connection does, whatever an idle one believes. Reports of a closed client count for a few seconds.
        """
        now, client = time.monotonic(), str(statistics.get("name", ""))
        up = any(broker.get("state") == "UP" for broker in statistics.get("brokers", {}).values())
        if up or client in self._clients:
            self._clients[client] = (now, up)
        self._clients = {name: seen for name, seen in self._clients.items() if now - seen[0] < _STALE_SECONDS}
        self.connected = bool(self._clients) and all(up for _, up in self._clients.values())
