"""Chooses the Kafka: the given one, else Apache Kafka, else librdkafka's mock cluster."""

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
        """The chosen Kafka and the reason of the choice, for people."""
        ...

    @property
    def bootstrap_servers(self) -> str:
        """host:port, comma-separated."""
        ...

    def close(self) -> None:
        """End it, unless it is a given broker."""
        ...


class GivenKafka:
    """A broker that runs already; used without changes."""

    kind: Literal["given"] = "given"

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.choice = f"Kafka: {bootstrap_servers}, as KAFKA_BOOTSTRAP_SERVERS says"

    def close(self) -> None:
        """Does nothing: the given broker keeps running."""


def start_kafka(say: Say, settings: dict[str, str] | None = None) -> Kafka:
    """Starts the best Kafka that is available here; `say` gets a line with the choice and its reason.

    The choice takes seconds, except for a first download. `settings` override Apache Kafka's, by the names of
    server.properties; the others accept none. Raises ProcessFailedError when even the mock cluster does not start.
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
