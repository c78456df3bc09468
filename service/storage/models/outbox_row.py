"""The outbox: messages committed together with the changes that they report."""

from uuid import UUID

from sqlalchemy import Identity, Index, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from service.storage.models.base import Base, Identifier, WrittenAt
from service.storage.refusals import OUTBOX, checks
from service.storage.types import XID8


class OutboxRow(Base):
    """A message, appended and never changed; ``replayed`` marks one that has the event id of an earlier row."""

    __tablename__ = "outbox"

    # Before ``position``: a transaction gets its xid before it draws a position, so the relay can outwait a gap.
    xid: Mapped[int] = mapped_column(XID8, server_default=text("pg_current_xact_id()"))
    position: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    topic: Mapped[str]
    key: Mapped[Identifier]
    type: Mapped[str]
    sequence: Mapped[int | None]
    value: Mapped[str]
    headers: Mapped[list[list[str]]] = mapped_column(JSON)
    replayed: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[WrittenAt]

    __table_args__ = (
        *checks(OUTBOX),
        Index("uq_outbox_event_id", "event_id", unique=True, postgresql_where=text("NOT replayed")),
        Index("uq_outbox_key_sequence", "key", "sequence", unique=True, postgresql_where=text("NOT replayed")),
        Index("ix_outbox_replayed_key", "key", "position", postgresql_where=text("replayed")),
    )
