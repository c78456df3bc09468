"""PostgreSQL types that SQLAlchemy does not name."""

from typing import Any

from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.types import UserDefinedType


class XID8(UserDefinedType[int]):
    """A 64-bit transaction id (PostgreSQL documentation, "Transaction ID and Snapshot Information Functions")."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


PGDialect.ischema_names["xid8"] = XID8
"""Gives this type to reflected columns, so that Alembic can compare them with the model's."""
