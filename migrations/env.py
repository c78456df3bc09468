"""Alembic environment: one migration at a time, and never behind a lock for long."""

import time

from alembic import context
from sqlalchemy import Connection, text

from service.logs import get_logger
from service.storage.engine import connect_for_migration
from service.storage.tables import metadata

MIGRATION_LOCK = 0x7061796D656E7473
"""Advisory lock that serialises concurrent starts ("payments" in ASCII)."""

log = get_logger(__name__)


def run(connection: Connection) -> None:
    """Upgrade or downgrade under the advisory lock, each migration in a transaction of its own.

    A migration that cannot get a table lock within 5 s gives up instead of queueing every writer behind it
    (PostgreSQL documentation, "Client Connection Defaults": lock_timeout, statement_timeout).
    """
    _lock(connection)
    try:
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '60s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def _lock(connection: Connection) -> None:
    """Asks again and again: a statement that waits holds a snapshot, and CREATE INDEX CONCURRENTLY waits for those."""
    waited = 0
    while True:
        got = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATION_LOCK}).scalar_one()
        connection.commit()
        if got:
            return
        if waited % 50 == 0:
            log.info("another process migrates this database: waiting for it")
        waited += 1
        time.sleep(0.1)


with connect_for_migration(context.config.attributes["database_url"]) as migration_connection:
    run(migration_connection)
