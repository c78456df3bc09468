"""Alembic environment: one migration at a time, and never behind a lock for long."""

from alembic import context
from sqlalchemy import Connection, text

from service.storage import migration_lock, requirements
from service.storage.engine import connect_for_migration
from service.storage.models import Base
from service.storage.schema_state import schema_state


def run(connection: Connection) -> None:
    """Upgrade or downgrade under the advisory lock, each migration in a transaction of its own.

    A migration that cannot get a table lock within 5 s gives up instead of queueing every writer behind it
    (PostgreSQL documentation, "Client Connection Defaults": lock_timeout, statement_timeout). A schema of a later
    release is left as it is. Raises CannotMigrateError.
    """
    asked = context.config.attributes
    migration_lock.take(connection, asked["patience_seconds"], asked["say"])
    try:
        found = schema_state(connection)
        requirements.check(connection, found.current)
        if found.is_ahead:
            return
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '60s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    finally:
        connection.rollback()
        migration_lock.release(connection)


with connect_for_migration(context.config.attributes["database_url"]) as migration_connection:
    run(migration_connection)
