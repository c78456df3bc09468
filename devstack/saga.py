"""A saga orchestrator as any client would write it: it knows the wire contract, and nothing of the service."""

import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import urllib3
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.cimpl import TopicPartition

from devstack.application import StackInfo

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.1
_KAFKA_SECONDS = 10.0

T = TypeVar("T")


class SagaError(Exception):
    """What the contract promises did not come."""


@dataclass(frozen=True, slots=True)
class Event:
    """One outcome event, as far as a saga needs it."""

    type: str
    correlation_id: str
    command_type: str | None
    sequence: str | None
    payload: dict[str, Any]

    @property
    def payment_id(self) -> str:
        return str(self.payload["payment_id"])


class SagaClient:
    """Sends commands, waits for their outcomes, reads payments over HTTP. Every wait is bounded."""

    def __init__(self, info: StackInfo) -> None:
        """Listens from now on: what was published before is not for this client. Raises SagaError."""
        self._info = info
        self._commands = os.environ.get("PAYMENT_COMMANDS_TOPIC", "payment_commands")
        self._events = os.environ.get("PAYMENT_EVENTS_TOPIC", "payment_events")
        self._heard: list[Event] = []
        self._http = urllib3.PoolManager(retries=False, timeout=_KAFKA_SECONDS)
        client = {"bootstrap.servers": info.kafka_bootstrap_servers, "log_level": 3}
        self._producer = Producer({**client, "acks": "all"})
        self._consumer = Consumer(
            {
                **client,
                "group.id": f"saga-{secrets.token_hex(6)}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign(until(self._ends_of_events, f"there is no topic {self._events}"))

    def send(self, command_type: str, correlation_id: str, payload: dict[str, Any]) -> None:
        """Puts a command on the commands topic. Raises SagaError when the broker does not take it."""
        body = {"type": command_type, "correlation_id": correlation_id, "payload": payload}
        self._producer.produce(self._commands, json.dumps(body).encode())
        if self._producer.flush(_KAFKA_SECONDS):
            raise SagaError(f"the broker took no {command_type} in {_KAFKA_SECONDS:.0f} s")

    def outcome(self, command_type: str, correlation_id: str) -> Event:
        """The one event that answers this command. Raises SagaError when it does not come in time."""

        def heard() -> Event | None:
            self._listen()
            return next((e for e in self._heard if (e.command_type, e.correlation_id) == wanted), None)

        wanted = (command_type, correlation_id)
        return until(heard, f"no outcome of {command_type} {correlation_id}")

    def payment(self, order_id: str) -> dict[str, Any] | None:
        """``GET /payment/<order_id>/status``; None for an unknown order. Raises SagaError."""
        url = f"{self._info.http_url}/payment/{order_id}/status"
        reply = self._http.request("GET", url, headers={"Authorization": f"Bearer {self._info.api_token}"})
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise SagaError(f"GET {url} answered {reply.status}: {reply.data.decode(errors='replace')}")
        found: dict[str, Any] = reply.json()
        return found

    def payment_in(self, status: str, order_id: str) -> dict[str, Any]:
        """The order's payment once it stands there. Raises SagaError when it does not in time."""

        def stands() -> dict[str, Any] | None:
            found = self.payment(order_id)
            return found if found is not None and found["status"] == status else None

        return until(stands, f"the payment of {order_id} is not {status}")

    def close(self) -> None:
        self._consumer.close()
        self._http.clear()

    def _ends_of_events(self) -> list[TopicPartition] | None:
        try:
            topic = self._consumer.list_topics(self._events, timeout=_KAFKA_SECONDS).topics[self._events]
            partitions = [TopicPartition(self._events, number) for number in topic.partitions]
            for partition in partitions:
                _, partition.offset = self._consumer.get_watermark_offsets(partition, timeout=_KAFKA_SECONDS)
        except KafkaException:
            return None  # Not there yet, or without a leader: asked again until the wait is over.
        return partitions or None

    def _listen(self) -> None:
        record = self._consumer.poll(_POLL_SECONDS)
        if record is None or record.error() is not None:
            return
        headers = {name: v.decode() for name, v in dict(record.headers() or ()).items() if isinstance(v, bytes)}
        body = json.loads(record.value() or b"null")
        self._heard.append(
            Event(
                type=body["type"],
                correlation_id=body["correlation_id"],
                command_type=headers.get("command_type"),
                sequence=headers.get("sequence"),
                payload=body["payload"],
            )
        )


def until(ask: Callable[[], T | None], otherwise: str) -> T:
    """The first answer that is not None. Raises SagaError after 30 seconds without one."""
    deadline = time.monotonic() + WAIT_SECONDS
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            raise SagaError(f"{otherwise} after {WAIT_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    return answer
