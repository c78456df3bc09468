"""The relay's checkpoint: its progress through the outbox."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.storage.models.base import Base, Identifier, WrittenAt


class RelayCheckpoint(Base):
    """The positions that a relay has settled: all up to ``low``, and the ``ranges`` above it."""

    __tablename__ = "relay_checkpoints"

    relay: Mapped[Identifier] = mapped_column(primary_key=True)
    low: Mapped[int]
    ranges: Mapped[list[list[int]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    system_identifier: Mapped[int]
    timeline: Mapped[int]
    updated_at: Mapped[WrittenAt]
    outbox_oid: Mapped[int | None]
    doubt: Mapped[str | None]

    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)
