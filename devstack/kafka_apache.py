"""One Apache Kafka broker in KRaft mode: one directory and two loopback ports, removed with this process."""

import shutil
import signal
from typing import Literal, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from devstack.kafka_install import KAFKA_VERSION, KafkaInstall
from devstack.ports import accepts_connections, free_port
from devstack.processes import Command, ManagedProcess, ProcessFailedError, scratch_directory
from devstack.tcp_proxy import TcpProxy

_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_START_ATTEMPTS = 3

# Small internal topics and short waits, for one node and few clients (Kafka documentation, "Broker Configs").
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "num.partitions": "6",
    "group.initial.rebalance.delay.ms": "0",
    # A killed broker may register again only after its old session; the default is 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "4194304",
}


class ApacheKafka:
    """A broker that can be killed and started again on the same data and port. `close` ends it and removes the data."""

    kind: Literal["apache"] = "apache"

    def __init__(self, install: KafkaInstall, settings: dict[str, str] | None = None, doors: int = 0) -> None:
        """`settings` override the broker's, by the names of server.properties; `doors` is the number of doors."""
        self._install = install
        self._number_of_doors = doors
        self.doors: tuple[TcpProxy, ...] = ()
        """Proxies in front of the broker, available after its start; the network of each can fail by itself.

        Each door leads to a listener that advertises the door, so its clients keep using it.
        """
        self._settings = {**_SETTINGS, **(settings or {})}
        self._scratch = scratch_directory("kafka")
        self._process: ManagedProcess | None = None
        self.port = 0
        shutil.copytree(install.storage, self._scratch / "data")

    @property
    def choice(self) -> str:
        return f"Kafka: Apache Kafka {KAFKA_VERSION} at {self.bootstrap_servers}"

    @property
    def bootstrap_servers(self) -> str:
        return f"{_HOST}:{self.port}"

    def start(self) -> Self:
        """Returns when the broker answers. Raises ProcessFailedError."""
        first_start = self.port == 0
        for attempt in range(1, _START_ATTEMPTS + 1):
            if first_start:
                self._choose_ports()
            try:
                self._start_once()
            except ProcessFailedError as error:
                self.kill()
                if attempt == _START_ATTEMPTS or not (first_start and "Address already in use" in str(error)):
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """A controlled shutdown that keeps the data."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """kill -9 that keeps the data."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay open without an answer."""
        if self._process is not None:
            self._process.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send(signal.SIGCONT)

    def close(self) -> None:
        """Ends the broker and removes its data."""
        self.kill()
        self._close_doors()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _choose_ports(self) -> None:
        self.port, controller = free_port(_HOST), free_port(_HOST)
        self._close_doors()
        behind = {f"DOOR{number}": free_port(_HOST) for number in range(self._number_of_doors)}
        self.doors = tuple(TcpProxy(port) for port in behind.values())
        listened = {"PLAINTEXT": self.port, **behind, "CONTROLLER": controller}
        advertised = {"PLAINTEXT": self.port, **dict(zip(behind, (door.port for door in self.doors), strict=True))}
        settings = {
            **self._settings,
            "listeners": _places(listened),
            "advertised.listeners": _places(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listened),
            "controller.quorum.voters": f"1@{_HOST}:{controller}",
            "log.dirs": str(self._scratch / "data"),
        }
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (self._scratch / "server.properties").write_text("".join(lines))

    def _close_doors(self) -> None:
        for door in self.doors:
            door.close()

    def _start_once(self) -> None:
        self._process = ManagedProcess(
            Command(
                name="Apache Kafka",
                argv=self._install.program.argv("kafka.Kafka", "server.properties"),
                log=self._scratch / "kafka.log",
                cwd=self._scratch,
                scratch=self._scratch,
            )
        )
        self._process.wait_until(self._answers, _START_SECONDS)

    def _answers(self) -> bool:
        return accepts_connections(_HOST, self.port) and answers(self.bootstrap_servers)


def _places(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://{_HOST}:{port}" for name, port in ports.items())


def answers(bootstrap_servers: str, timeout_seconds: float = 2.0) -> bool:
    """Whether a broker at this address answers with metadata."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=timeout_seconds).brokers)
    except KafkaException:
        return False
