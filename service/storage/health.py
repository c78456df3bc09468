"""Checks that the database answers and has the schema of this code."""

from typing import NamedTuple

from service.storage.availability import is_read_only
from service.storage.engine import Engine, SQLAlchemyError
from service.storage.requirements import READ_ONLY, ServerState, encoding_fault, server_state
from service.storage.schema_state import SchemaState, schema_state


class Unready(NamedTuple):
    """The failing part (``database`` or ``schema``), and what to do about it."""

    part: str
    message: str


def unready(database: Engine) -> Unready | None:
    """None when the database answers, accepts writes and has the schema of this code or of a later release."""
    try:
        found, schema = _look(database)
        if found.read_only:  # The new session may reach another server.
            found, schema = _look(database)
    except SQLAlchemyError as error:
        if is_read_only(error):
            return Unready("database", READ_ONLY)
        # The error's text would show user and host names to every reader of /ready.
        return Unready("database", "The database cannot be used now; nothing is lost, try again shortly.")
    return _judged(found, schema)


def _look(database: Engine) -> tuple[ServerState, SchemaState]:
    with database.connect() as connection:
        found, schema = server_state(connection), schema_state(connection)
        if found.read_only:
            connection.invalidate()
    return found, schema


def _judged(found: ServerState, schema: SchemaState) -> Unready | None:
    if found.read_only:
        return Unready("database", READ_ONLY)
    fault = encoding_fault(found.encoding)
    if fault is not None:
        return Unready("database", fault)
    if schema.fits:
        return None
    found_revision = schema.current or "empty"
    message = f"The schema is at {found_revision}, this code expects {schema.head}; run: cli.py db upgrade"
    return Unready("schema", message)
