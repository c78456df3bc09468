"""The requirements of a database besides its schema: the service owns it, it is in UTF8, and it accepts writes."""

import re
from typing import NamedTuple

from sqlalchemy import Connection, text

from runtime.errors import PaymentServiceError
from service.storage.models import Base

VERSIONS = "alembic_version"
ENCODING = "UTF8"
READ_ONLY = "read-only: no server that takes writes can be reached; nothing is lost, promote one or wait for it"

_OF_OURS = re.compile(r"\d{4}(_.*)?")
"""Our revisions are numbers, and so are those of later releases. Alembic's default ids are hexadecimal."""

_FINGERPRINT = frozenset({("payments", "authorize_correlation_id"), ("outbox", "position")})
"""Columns that every schema of ours has, from the first on."""

_SERVER = text("SELECT getdatabaseencoding(), current_setting('transaction_read_only') = 'on'")
_PLACE = text("SELECT current_schema()")
_TAKEN = text(
    "SELECT CAST(relname AS text) FROM pg_class WHERE relname = ANY(:names) "
    "AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY relname"
)
_COLUMNS = text(
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND column_name = ANY(:names)"
)


class CannotMigrateError(PaymentServiceError):
    """The database cannot be migrated now. The message gives reason and remedy in one line."""


def encoding_fault(encoding: str) -> str | None:
    """Fault and remedy of a database in this encoding; None for UTF8, which can hold every text."""
    if encoding == ENCODING:
        return None
    return (
        f"the database is in {encoding}, which cannot hold every text: make one with ENCODING '{ENCODING}' "
        "TEMPLATE template0, and point DATABASE_URL to it"
    )


class ServerState(NamedTuple):
    """The database's encoding, and whether this session's server refuses writes."""

    encoding: str
    read_only: bool


def server_state(connection: Connection) -> ServerState:
    """Reads the state. Raises the database's error."""
    return ServerState(*connection.execute(_SERVER).one())


def is_of_ours(revision: str) -> bool:
    """Whether a revision can be one of this project's, possibly of a later release."""
    return _OF_OURS.fullmatch(revision) is not None


def check(connection: Connection, revision: str | None) -> None:
    """Check that migrations may be applied to a database at ``revision``. Raises CannotMigrateError.

    The caller holds the migrations' lock: without it, a first migration in progress looks like another program.
    """
    fault = encoding_fault(server_state(connection).encoding)
    if fault is not None:
        raise CannotMigrateError(fault)
    schema: str | None = connection.execute(_PLACE).scalar_one()
    if schema is None:
        raise CannotMigrateError("the search_path of this role names no schema that exists: create it first")
    strangers = _strangers(connection, revision)
    if strangers:
        raise CannotMigrateError(
            f"{', '.join(strangers)}: of another program, in schema {schema} of this database; give the service a "
            "database of its own, or a role whose search_path names a schema of its own, and correct DATABASE_URL"
        )


def _strangers(connection: Connection, revision: str | None) -> list[str]:
    """Tables with our names, or with the name of Alembic's, that another program has made."""
    named: list[str] = list(connection.execute(_TAKEN, {"names": [*Base.metadata.tables]}).scalars())
    if revision is None:
        return named
    found = connection.execute(_COLUMNS, {"names": [column for _, column in _FINGERPRINT]})
    ours = {(row.table_name, row.column_name) for row in found} >= _FINGERPRINT
    return [] if ours and is_of_ours(revision) else [VERSIONS, *named]
