"""What all models share: names of constraints, and the PostgreSQL types of Python's."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NOW = text("now()")
INSTANT = DateTime(timezone=True)

JSON_OR_NULL = JSONB(none_as_null=True)
"""None is SQL's NULL, never JSON's."""

Identifier = Annotated[str, mapped_column(Text(collation="C"))]
"""Text that an index is ordered by: byte by byte, whatever the operating system's or ICU's version."""

WrittenAt = Annotated[datetime, mapped_column(server_default=NOW)]
"""When the transaction that inserts the row began, unless the row says otherwise."""

FromZero = Annotated[int, mapped_column(server_default=text("0"))]


class Base(DeclarativeBase):
    """The models' common base; its metadata is the whole schema but for functions and triggers."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger, str: Text, datetime: INSTANT}
