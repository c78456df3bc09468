"""librdkafka's mock cluster in its own process: brokers in memory, for machines without Java.

`test.mock.num.brokers` makes the first client of a process run the cluster (librdkafka documentation,
CONFIGURATION.md); other processes reach it over TCP. It has no read_committed: every record is readable as soon as it
is produced. It creates a topic at the first request for it, with four partitions.
"""

import shutil
import sys
from pathlib import Path
from threading import Event
from typing import Literal, Self

from confluent_kafka import Producer

from devstack.processes import Command, ManagedProcess, scratch_directory

_START_SECONDS = 20.0


class MockKafka:
    """The mock cluster. It keeps no data for a restart: `close` ends it and loses everything in it."""

    kind: Literal["mock"] = "mock"

    def __init__(self, because: str) -> None:
        """`because`: the reason why no better Kafka is available."""
        self.choice = f"Kafka: librdkafka's mock cluster, in memory and without read_committed, because {because}"
        self._scratch = scratch_directory("kafka-mock")
        self._address = self._scratch / "bootstrap-servers"
        self._process: ManagedProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        return self._address.read_text()

    def start(self) -> Self:
        """Returns when the brokers listen. Raises ProcessFailedError."""
        self._process = ManagedProcess(
            Command(
                name="librdkafka's mock cluster",
                argv=[sys.executable, "-m", "devstack.kafka_mock", str(self._address)],
                log=self._scratch / "mock.log",
                cwd=Path(__file__).parent.parent,
                scratch=self._scratch,
            )
        )
        self._process.wait_until(self._address.exists, _START_SECONDS)
        return self

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None
        shutil.rmtree(self._scratch, ignore_errors=True)


def main(address: Path) -> None:
    """Runs the cluster until a signal kills it, and writes its address to the file."""
    owner = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 3})
    brokers = owner.list_topics(timeout=10).brokers.values()
    unfinished = address.with_suffix(".partial")
    unfinished.write_text(",".join(f"{broker.host}:{broker.port}" for broker in brokers))
    unfinished.rename(address)
    Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
