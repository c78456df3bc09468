"""Bring a database to the schema this code expects, or say how far it is."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from service.storage.engine import connect_for_migration

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"


class SchemaState(NamedTuple):
    """The database's revision beside the one this code expects."""

    current: str | None
    head: str

    @property
    def at_head(self) -> bool:
        """Whether the schema is the one this code was written for."""
        return self.current == self.head


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["database_url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Apply migrations; safe to run from several processes at once. Raises the database's error."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to ``revision`` (``base`` undoes all, data included)."""
    command.downgrade(_config(url), revision)


@cache
def head() -> str:
    """The newest revision in the code; read once, readiness asks for it every few seconds."""
    found = ScriptDirectory(str(SCRIPTS)).get_current_head()
    if found is None:
        raise LookupError(f"no migrations in {SCRIPTS}")
    return found


def schema_state(connection: Connection) -> SchemaState:
    """Where the connected database stands."""
    return SchemaState(MigrationContext.configure(connection).get_current_revision(), head())


def current(url: str) -> SchemaState:
    """Where the database behind ``url`` stands."""
    with connect_for_migration(url) as connection:
        return schema_state(connection)
