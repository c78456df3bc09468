"""Compares the database's revision with the newest one in the code.

Every process asks for this in its readiness. The module does not import Alembic, whose import adds a tenth of a second
to each start, and which logs two lines for each question.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, text

from service.storage.requirements import VERSIONS, is_of_ours

SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"

_VERSIONED = text(f"SELECT to_regclass('{VERSIONS}')")
_VERSION = text(f"SELECT version_num FROM {VERSIONS}")


class SchemaState(NamedTuple):
    """The database's revision and the revision that this code expects."""

    current: str | None
    head: str
    is_ahead: bool = False
    """The schema is of a later release, which migrates before its processes start. This code keeps working with it."""

    @property
    def at_head(self) -> bool:
        """Whether the schema is exactly the one that this code expects."""
        return self.current == self.head

    @property
    def fits(self) -> bool:
        """Whether this code works with the schema."""
        return self.at_head or self.is_ahead


@cache
def revisions() -> tuple[str, ...]:
    """The revisions in the code, ascending: the numbers at the beginning of the migrations' file names."""
    found = sorted(path.stem.partition("_")[0] for path in SCRIPTS.glob("versions/[0-9]*_*.py"))
    if not found:
        raise LookupError(f"no migrations in {SCRIPTS}")
    return tuple(found)


def head() -> str:
    """The newest revision in the code."""
    return revisions()[-1]


def _is_ahead(revision: str | None) -> bool:
    return revision is not None and revision not in revisions() and is_of_ours(revision)


def schema_state(connection: Connection) -> SchemaState:
    """The state of the connected database."""
    if connection.execute(_VERSIONED).scalar_one() is None:
        return SchemaState(None, head())
    found: str | None = connection.execute(_VERSION).scalar_one_or_none()
    return SchemaState(found, head(), is_ahead=_is_ahead(found))
