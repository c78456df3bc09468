"""One set of servers for all workers of a parallel run: the main process starts them and publishes their addresses.

Workers and main process communicate by files in one directory: a worker requests a server, and reads its address.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from devstack.background import Background
from devstack.databases import Databases
from devstack.kafka import Kafka, Kind
from devstack.postgres import Postgres
from devstack.postgres_install import PostgresUnavailableError
from devstack.processes import ProcessFailedError
from tests.support.stripe_mock import StripeMock, StripeMockUnavailableError

_LOOK_EVERY = 0.05


class _Shared:
    def close(self) -> None:
        """Does nothing: the main process ends the server."""


@dataclass(frozen=True)
class SharedPostgres(_Shared):
    """The run's PostgreSQL server, for a worker."""

    url: str
    kind: Literal["given", "embedded"]

    @property
    def databases(self) -> Databases:
        return Databases(self.url)


@dataclass(frozen=True)
class SharedKafka(_Shared):
    """The run's broker, for a worker."""

    bootstrap_servers: str
    kind: Kind
    choice: str


@dataclass(frozen=True)
class SharedStripeMock(_Shared):
    """The run's stripe-mock, for a worker."""

    url: str


def offer(directory: Path, servers: Mapping[str, Background[Any]]) -> None:
    """Start each server at its first request; returns at once."""
    for name, server in servers.items():
        Thread(target=_offer, args=(directory / name, server), daemon=True).start()


def _offer(file: Path, server: Background[Any]) -> None:
    _wait_for(_wish(file))
    try:
        found = _DESCRIBED[file.name](server.result())
    except (PostgresUnavailableError, StripeMockUnavailableError, ProcessFailedError) as error:
        found = {"unavailable": str(error)}
    unfinished = file.with_suffix(".partial")
    unfinished.write_text(json.dumps(found))
    unfinished.rename(file)


def shared_postgres(directory: Path) -> SharedPostgres:
    """Raises PostgresUnavailableError."""
    return SharedPostgres(**_found(directory / "PostgreSQL"))


def shared_kafka(directory: Path) -> SharedKafka:
    """Raises ProcessFailedError."""
    return SharedKafka(**_found(directory / "Kafka"))


def shared_stripe_mock(directory: Path) -> SharedStripeMock:
    """Raises StripeMockUnavailableError."""
    return SharedStripeMock(**_found(directory / "stripe-mock"))


def _found(file: Path) -> dict[str, Any]:
    _wish(file).touch()
    _wait_for(file)
    found: dict[str, Any] = json.loads(file.read_text())
    if "unavailable" in found:
        raise _UNAVAILABLE.get(file.name, ProcessFailedError)(found["unavailable"])
    return found


def _wish(file: Path) -> Path:
    return file.with_suffix(".wanted")


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(_LOOK_EVERY)


def _postgres(server: Postgres) -> dict[str, Any]:
    return asdict(SharedPostgres(server.url, server.kind))


def _kafka(server: Kafka) -> dict[str, Any]:
    return asdict(SharedKafka(server.bootstrap_servers, server.kind, server.choice))


def _stripe_mock(server: StripeMock) -> dict[str, Any]:
    return asdict(SharedStripeMock(server.url))


_DESCRIBED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "PostgreSQL": _postgres,
    "Kafka": _kafka,
    "stripe-mock": _stripe_mock,
}
_UNAVAILABLE: dict[str, type[Exception]] = {
    "PostgreSQL": PostgresUnavailableError,
    "stripe-mock": StripeMockUnavailableError,
}
