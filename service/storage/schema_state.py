"""Which revision the database has, beside the newest one in the code.

Every process asks this for its readiness. Alembic is not imported for it: its import takes a tenth of a second of each
start, and it writes two lines to the log for each question.
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


@cache
def revisions() -> tuple[str, ...]:
    """The revisions in the code, ascending: the numbers that the files of the migrations begin with."""
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
