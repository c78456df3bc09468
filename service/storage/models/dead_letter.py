"""Dead letters: records that cannot be processed, kept whole."""

from datetime import datetime

from sqlalchemy import Computed, Identity, Index, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.storage.models.base import Base, Identifier, WrittenAt
from service.storage.refusals import DEAD_LETTERS, checks


class DeadLetter(Base):
    """A record with the place that it came from. ``headers``: name and value in hexadecimal digits, or null."""

    __tablename__ = "dead_letters"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    reason: Mapped[str]
    detail: Mapped[str | None]
    topic: Mapped[Identifier]
    partition: Mapped[int] = mapped_column(Integer)
    offset: Mapped[int]
    key: Mapped[bytes | None]
    value: Mapped[bytes | None]
    headers: Mapped[list[list[str | None]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    # As PostgreSQL stores it: Alembic compares the two texts.
    digest: Mapped[bytes] = mapped_column(Computed(r"sha256(COALESCE(value, '\x'::bytea))", persisted=True))
    state: Mapped[str] = mapped_column(server_default=text("'open'"))
    received_at: Mapped[WrittenAt]
    resolved_at: Mapped[datetime | None]

    __table_args__ = (
        *checks(DEAD_LETTERS),
        Index("uq_dead_letters_origin", "topic", "partition", "offset", "digest", unique=True),
        Index("ix_dead_letters_open", "id", postgresql_where=text("state = 'open'")),
    )
