"""Bring a database to the schema this code expects, or say how far it is."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from runtime.logs import get_logger
from service.storage.engine import connect_for_migration
from service.storage.requirements import VERSIONS, is_of_ours

log = get_logger(__name__)
SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"

PATIENCE_SECONDS = 600.0
"""How long a migration waits for another one. Building an index of a large table takes minutes."""

_VERSIONED = text(f"SELECT to_regclass('{VERSIONS}')")
_VERSION = text(f"SELECT version_num FROM {VERSIONS}")


class SchemaState(NamedTuple):
    """The database's revision beside the one this code expects."""

    current: str | None
    head: str
    is_ahead: bool = False
    """Of a later release, which migrates before its processes start: this code goes on working with it."""

    @property
    def at_head(self) -> bool:
        """Whether the schema is the one this code was written for."""
        return self.current == self.head

    @property
    def fits(self) -> bool:
        """Whether this code works with the schema."""
        return self.at_head or self.is_ahead


def alembic_config(
    url: str, patience_seconds: float = PATIENCE_SECONDS, say: Callable[[str], None] = log.warning
) -> Config:
    """What Alembic's commands take: there is no alembic.ini, and no second place for the URL."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes.update(database_url=url, patience_seconds=patience_seconds, say=say)
    return config


def upgrade(
    url: str,
    revision: str = "head",
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    say: Callable[[str], None] = log.warning,
) -> None:
    """Apply migrations; nothing where a later release has done so already. Safe to run from several processes at once:
    one waits for the other, for ``patience_seconds``, and ``say`` is told for whom.

    Raises the database's error, as SQLAlchemy or the driver has it; CannotMigrateError, RowsInTheWayError among them.
    """
    command.upgrade(alembic_config(url, patience_seconds, say), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to ``revision`` (``base`` undoes all, data included)."""
    command.downgrade(alembic_config(url), revision)


@cache
def head() -> str:
    """The newest revision in the code; read once, readiness asks for it every few seconds."""
    found = ScriptDirectory(str(SCRIPTS)).get_current_head()
    if found is None:
        raise LookupError(f"no migrations in {SCRIPTS}")
    return found


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions())


def _is_ahead(revision: str | None) -> bool:
    return revision is not None and revision not in _known() and is_of_ours(revision)


def schema_state(connection: Connection) -> SchemaState:
    """Where the connected database stands. Not asked through Alembic, which writes two lines a question to the log."""
    if connection.execute(_VERSIONED).scalar_one() is None:
        return SchemaState(None, head())
    found: str | None = connection.execute(_VERSION).scalar_one_or_none()
    return SchemaState(found, head(), is_ahead=_is_ahead(found))


def current(url: str) -> SchemaState:
    """Where the database behind ``url`` stands."""
    with connect_for_migration(url) as connection:
        return schema_state(connection)
