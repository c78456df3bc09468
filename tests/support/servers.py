"""The servers of one test run: started only if a test needs them, all at once, in the background."""

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from devstack.background import Background
from devstack.kafka import Kafka, start_kafka
from devstack.postgres import Postgres, start_postgres
from tests.support.shared_servers import (
    SharedStripeMock,
    offer,
    shared_kafka,
    shared_postgres,
    shared_stripe_mock,
)
from tests.support.stripe_mock import StripeMock

# the setting of a careful operator: a client's question about a topic does not create the topic
_BROKER_SETTINGS = {
    "auto.create.topics.enable": "false",
    # everything is allowed, except for objects with a test's rules
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}

# fixtures and markers
_ASKED_FOR_BY = {
    "PostgreSQL": {"postgres_server"},
    "Kafka": {"kafka", "real_kafka"},
    "stripe-mock": {"stripe_mock_url"},
}


_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory
_ROOM_BYTES = 4 * 1024**3


def keep_data_in_memory() -> None:
    """Have servers keep their data in memory if it has room: copying a database takes a tenth of the time there."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
        os.environ.setdefault("DEVSTACK_SCRATCH", str(_MEMORY))


class Servers:
    """The run's servers. The collected tests decide which start; their messages appear at the end."""

    def __init__(self, shared: Path | None = None) -> None:
        """``shared``: the directory in which the main process publishes the servers of all workers."""
        self.said: list[str] = []
        self.postgres: Background[Postgres] = Background(
            self._start_postgres if shared is None else partial(shared_postgres, shared)
        )
        self.kafka: Background[Kafka] = Background(
            self._start_kafka if shared is None else partial(shared_kafka, shared)
        )
        self.stripe_mock: Background[StripeMock | SharedStripeMock] = Background(
            StripeMock if shared is None else partial(shared_stripe_mock, shared)
        )

    def offer(self, directory: Path) -> None:
        """Start the servers that workers request."""
        offer(directory, self._all)

    def begin_for(self, items: Iterable[pytest.Item]) -> list[str]:
        """Starts the servers that these tests need; returns their names."""
        wanted: set[str] = set()
        for item in items:
            wanted.update(getattr(item, "fixturenames", ()))
            wanted.update(mark.name for mark in item.iter_markers())
        needed = [name for name, words in _ASKED_FOR_BY.items() if wanted & words]
        for name in needed:
            self._all[name].begin()
        return needed

    def close(self) -> None:
        for server in self._all.values():
            server.close()

    @property
    def _all(self) -> Mapping[str, Background[Any]]:
        return {"PostgreSQL": self.postgres, "Kafka": self.kafka, "stripe-mock": self.stripe_mock}

    def _start_postgres(self) -> Postgres:
        began = time.monotonic()
        server = start_postgres()
        took = time.monotonic() - began
        self.said.append(f"PostgreSQL: {server.kind} {server.databases.version()}, ready after {took:.1f} s")
        return server

    def _start_kafka(self) -> Kafka:
        began = time.monotonic()
        kafka = start_kafka(self.said.append, _BROKER_SETTINGS)
        self.said.append(f"Kafka: ready after {time.monotonic() - began:.1f} s")
        return kafka
