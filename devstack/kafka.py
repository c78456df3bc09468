"""Which Kafka: the given one, else Apache Kafka, else librdkafka's mock cluster; and why."""

import os
from typing import Literal, Protocol, TypeVar

from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import KAFKA_VERSION, KafkaUnavailableError, Say, find_install
from devstack.kafka_mock import MockKafka
from devstack.processes import ProcessFailedError

Kind = Literal["given", "apache", "mock"]
K = TypeVar("K", ApacheKafka, MockKafka)


class Kafka(Protocol):
    """A running Kafka."""

    @property
    def kind(self) -> Kind: ...

    @property
    def bootstrap_servers(self) -> str:
        """host:port, comma-separated."""
        ...

    def close(self) -> None:
        """Ends it, unless it was given."""
        ...


class GivenKafka:
    """Somebody else's broker, used as it is."""

    kind: Literal["given"] = "given"

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    def close(self) -> None:
        """Not ours to end."""


def start_kafka(say: Say) -> Kafka:
    """Starts the best Kafka that can be had here; `say` is told which, and why.

    The choice takes seconds, a first download aside. Raises ProcessFailedError when even the mock does not start.
    """
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        say(f"Kafka: {given}, as KAFKA_BOOTSTRAP_SERVERS says")
        return GivenKafka(given)
    try:
        return _start_apache(say)
    except (KafkaUnavailableError, ProcessFailedError) as error:
        say(
            "Kafka: librdkafka's mock cluster, in memory and without read_committed, "
            f"because Apache Kafka {KAFKA_VERSION} cannot be had: {error}"
        )
    return _started(MockKafka())


def _start_apache(say: Say) -> Kafka:
    kafka = _started(ApacheKafka(find_install(say)))
    say(f"Kafka: Apache Kafka {KAFKA_VERSION} at {kafka.bootstrap_servers}")
    return kafka


def _started(kafka: K) -> K:
    try:
        return kafka.start()
    except BaseException:
        kafka.close()
        raise
