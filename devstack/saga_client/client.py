"""Both directions: sends commands and receives their outcome events."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import KafkaException

from devstack.saga_client.errors import SagaError
from devstack.saga_client.feed import EventFeed
from devstack.saga_client.heard import WAIT_SECONDS, Heard
from devstack.saga_client.reader import CommittedReader, Start
from devstack.saga_client.records import CommandKey, Place, Record
from devstack.saga_client.sender import CommandSender, Headers


def enveloped(command_type: str, correlation_id: str, payload: object) -> dict[str, Any]:
    """A command in the form that the contract shows first."""
    return {"type": command_type, "correlation_id": correlation_id, "payload": payload}


def encoded(content: object) -> bytes:
    """The bytes of a JSON value."""
    return json.dumps(content).encode()


@dataclass(frozen=True)
class Sent:
    """A command that was sent."""

    type: str
    correlation_id: str
    payload: dict[str, Any]
    place: Place

    @property
    def answers(self) -> CommandKey:
        """The command key that the outcome event carries."""
        return self.type, self.correlation_id


class SagaClient:
    """Sends commands and waits for their outcome events. Every wait is bounded. Any thread may use it."""

    def __init__(
        self,
        kafka: Mapping[str, Any],
        commands: str,
        events: str,
        *,
        also: Iterable[str] = (),
        start: Start = "latest",
        repeats: bool = False,
        producer: Mapping[str, Any] | None = None,
    ) -> None:
        """``kafka``: settings of librdkafka, ``bootstrap.servers`` among them; ``producer``: more, for sending only.

        ``commands`` and ``events`` are topics, ``also`` names other topics to read. ``start``: with "earliest" the
        client also reads earlier records; with "latest" the topics must exist. ``repeats``: as for ``Heard``. Raises
        SagaError.
        """
        self.heard = Heard(repeats=repeats)
        self._feed = EventFeed(CommittedReader(kafka, (events, *also)), self.heard.take, start)
        self.sender = CommandSender({**kafka, **(producer or {})}, commands)

    def send(
        self,
        command_type: str,
        correlation_id: str,
        payload: dict[str, Any],
        *,
        partition: int = -1,
        headers: Headers | None = None,
        timestamp: datetime | None = None,
    ) -> Sent:
        """Send a command; returns when the broker has it. Raises SagaError when the broker does not accept it."""
        value = encoded(enveloped(command_type, correlation_id, payload))
        landed = self.sender.send(value, partition=partition, headers=headers, timestamp=timestamp)
        try:
            return Sent(command_type, correlation_id, payload, landed.result(WAIT_SECONDS))
        except (KafkaException, TimeoutError) as error:
            raise SagaError(
                f"the broker takes no {command_type}: {str(error) or f'nothing in {WAIT_SECONDS:.0f} s'}"
            ) from error

    def outcome(self, command_type: str, correlation_id: str, seconds: float = WAIT_SECONDS) -> Record:
        """Wait for the outcome event of this command.

        Raises NotHeardError when none comes in time, SagaError when a second event answers the command.
        """
        why = f"the outcome of {command_type} {correlation_id}"
        first, *more = self.heard.wait((command_type, correlation_id), why, seconds=seconds)
        if more:
            raise SagaError(f"{why} comes {1 + len(more)} times: {[str(event) for event in (first, *more)]}")
        return first

    def close(self) -> None:
        """End both directions."""
        self._feed.close()
        self.sender.close()
