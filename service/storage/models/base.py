"""The common base of all models: naming of constraints, and the PostgreSQL types of Python types."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NOW = text("now()")
INSTANT = DateTime(timezone=True)

JSON_OR_NULL = JSONB(none_as_null=True)
"""JSON in which None is SQL's NULL, never JSON's null."""

Identifier = Annotated[str, mapped_column(Text(collation="C"))]
"""Text for indexes: ordered byte by byte, independent of the version of the operating system or ICU."""

WrittenAt = Annotated[datetime, mapped_column(server_default=NOW)]
"""By default the beginning of the transaction that inserts the row."""

FromZero = Annotated[int, mapped_column(server_default=text("0"))]


class Base(DeclarativeBase):
    """The models' common base; its metadata is the whole schema except functions and triggers."""

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
