"""Alembic environment: one migration at a time, and never behind a lock for long."""

from alembic import context
from sqlalchemy import Connection, text

from service.storage.engine import connect_for_migration
from service.storage.tables import metadata

MIGRATION_LOCK = 0x7061796D656E7473
"""Advisory lock that serialises concurrent starts ("payments" in ASCII)."""


def run(connection: Connection) -> None:
    """Upgrade or downgrade under the advisory lock, in one transaction.

    A migration that cannot get a table lock within 5 s gives up instead of queueing every writer behind it
    (PostgreSQL documentation, "Client Connection Defaults": lock_timeout, statement_timeout).
    """
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.commit()
    try:
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '60s'"))
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, compare_server_default=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


with connect_for_migration(context.config.attributes["database_url"]) as migration_connection:
    run(migration_connection)
