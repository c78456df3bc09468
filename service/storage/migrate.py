"""Bring a database to the schema this code expects, or say how far it is."""

from collections.abc import Callable

from alembic import command
from alembic.config import Config

from runtime.logs import get_logger
from service.storage.engine import connect_for_migration
from service.storage.schema_state import SCRIPTS, SchemaState, schema_state

log = get_logger(__name__)

PATIENCE_SECONDS = 600.0
"""How long a migration waits for another one. Building an index of a large table takes minutes."""


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


def current(url: str) -> SchemaState:
    """Where the database behind ``url`` stands."""
    with connect_for_migration(url) as connection:
        return schema_state(connection)
