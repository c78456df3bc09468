"""Which Kafka: the given one, else Apache Kafka, else librdkafka's mock cluster; and why."""

import os
from typing import Literal, Protocol, TypeVar

from devstack.java_install import Say
from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import KAFKA_VERSION, KafkaUnavailableError, find_install
from devstack.kafka_mock import MockKafka
from devstack.processes import ProcessFailedError

Kind = Literal["given", "apache", "mock"]
K = TypeVar("K", ApacheKafka, MockKafka)


class Kafka(Protocol):
    """A running Kafka."""

    @property
    def kind(self) -> Kind: ...

    @property
    def choice(self) -> str:
        """Which it is, and why, for people."""
        ...

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
        self.choice = f"Kafka: {bootstrap_servers}, as KAFKA_BOOTSTRAP_SERVERS says"

    def close(self) -> None:
        """Not ours to end."""


def start_kafka(say: Say, settings: dict[str, str] | None = None) -> Kafka:
    """Starts the best Kafka that can be had here; `say` is told which, and why.

    The choice takes seconds, a first download aside. `settings` go over Apache Kafka's, by the names of
    server.properties; the others take none. Raises ProcessFailedError when even the mock does not start.
    """
    kafka = _choose(say, settings)
    say(kafka.choice)
    return kafka


def _choose(say: Say, settings: dict[str, str] | None) -> Kafka:
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        return GivenKafka(given)
    try:
        return _started(ApacheKafka(find_install(say), settings))
    except (KafkaUnavailableError, ProcessFailedError) as error:
        return _started(MockKafka(f"Apache Kafka {KAFKA_VERSION} cannot be had: {error}"))


def _started(kafka: K) -> K:
    try:
        return kafka.start()
    except BaseException:
        kafka.close()
        raise
