"""librdkafka's mock cluster in its own process: brokers in memory, for machines without Java.

`test.mock.num.brokers` makes the first client of a process run the cluster (librdkafka documentation,
CONFIGURATION.md); other processes reach it over TCP. It has no read_committed: every record is readable as soon as it
is produced. It creates a topic at the first request for it, with four partitions.
"""

import sys
from pathlib import Path
from threading import Event
from typing import Literal

from confluent_kafka import Producer

from devstack.announced_process import AnnouncedProcess


class MockKafka(AnnouncedProcess):
    """The mock cluster. It keeps no data for a restart: `close` ends it and loses everything in it."""

    kind: Literal["mock"] = "mock"

    def __init__(self, because: str) -> None:
        """`because`: the reason why no better Kafka is available."""
        super().__init__("librdkafka's mock cluster", "devstack.kafka_mock", lambda file: [file])
        self.choice = f"Kafka: librdkafka's mock cluster, in memory and without read_committed, because {because}"

    @property
    def bootstrap_servers(self) -> str:
        return self.address


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
