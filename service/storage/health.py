"""Whether the database is there and has the schema this code was written for."""

from sqlalchemy import text

from service.storage.engine import Engine, SQLAlchemyError
from service.storage.migrate import schema_state


def database_fault(database: Engine) -> str | None:
    """None when the database answers and its schema is the one this code was written for, else what is wrong."""
    try:
        with database.connect() as connection:
            connection.execute(text("SELECT 1"))
            state = schema_state(connection)
    except SQLAlchemyError as exc:
        return f"database: {type(exc).__name__}"
    return None if state.at_head else f"database: schema is {state.current or 'empty'}, this code wants {state.head}"
