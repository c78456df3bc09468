"""Whether the database is there and has the schema this code was written for."""

from typing import NamedTuple

from service.storage.engine import Engine, SQLAlchemyError
from service.storage.migrate import schema_state


class Unready(NamedTuple):
    """The failing part (``database`` or ``schema``), and what to do about it."""

    part: str
    message: str


def unready(database: Engine) -> Unready | None:
    """None when the database answers and has the schema this code was written for, or that of a later release."""
    try:
        with database.connect() as connection:
            schema = schema_state(connection)
    except SQLAlchemyError:
        # Not the error's own text: whoever may ask this sees no user or host names.
        return Unready("database", "The database cannot be used now; nothing is lost, try again shortly.")
    if schema.fits:
        return None
    found = schema.current or "empty"
    return Unready("schema", f"The schema is at {found}, this code expects {schema.head}; run: cli.py db upgrade")
