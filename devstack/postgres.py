"""Chooses the PostgreSQL server: the given one, else the embedded one."""

import os
from typing import Literal, Protocol

from devstack.databases import Databases
from devstack.postgres_embedded import EmbeddedPostgres


class Postgres(Protocol):
    """A running PostgreSQL server."""

    @property
    def kind(self) -> Literal["given", "embedded"]: ...

    @property
    def url(self) -> str:
        """The given database, or the embedded server's administrative one."""
        ...

    @property
    def databases(self) -> Databases: ...

    def close(self) -> None:
        """End it, unless it is a given server."""
        ...


class GivenPostgres:
    """A server that runs already; used without changes."""

    kind: Literal["given"] = "given"

    def __init__(self, url: str) -> None:
        self.url = url
        self.databases = Databases(url)

    def close(self) -> None:
        """Does nothing: the given server keeps running."""


def start_postgres() -> Postgres:
    """The server of DATABASE_URL, else an embedded one. Raises PostgresUnavailableError, ProcessFailedError."""
    given = os.environ.get("DATABASE_URL")
    if given:
        return GivenPostgres(given)
    server = EmbeddedPostgres()
    try:
        return server.start()
    except BaseException:
        server.close()
        raise
