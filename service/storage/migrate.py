"""Migrates a database to the schema of this code, or reports its revision."""

from collections.abc import Callable

from alembic import command
from alembic.config import Config

from runtime.logs import get_logger
from service.storage.engine import connect_for_migration
from service.storage.schema_state import SCRIPTS, SchemaState, schema_state

log = get_logger(__name__)

PATIENCE_SECONDS = 600.0
"""Longest wait of a migration for another one. Building an index of a large table takes minutes."""


def alembic_config(
    url: str, patience_seconds: float = PATIENCE_SECONDS, say: Callable[[str], None] = log.warning
) -> Config:
    """The configuration for Alembic's commands. It replaces alembic.ini, which would be a second place for the URL."""
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
    """Apply migrations; does nothing to the schema of a later release.

    Several processes may call it at once: one waits for the other, for ``patience_seconds`` at most, and passes ``say``
    a line about the holder of the lock.

    Raises CannotMigrateError, RowsInTheWayError among them, and the database's errors as SQLAlchemy or the driver has
    them.
    """
    command.upgrade(alembic_config(url, patience_seconds, say), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to ``revision`` (``base`` undoes all, data included)."""
    command.downgrade(alembic_config(url), revision)


def current(url: str) -> SchemaState:
    """The schema state of the database behind ``url``."""
    with connect_for_migration(url) as connection:
        return schema_state(connection)
