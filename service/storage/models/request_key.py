"""Idempotency keys of HTTP requests."""

from uuid import UUID

from sqlalchemy import Index, PrimaryKeyConstraint
from sqlalchemy.orm import Mapped

from service.storage.models.base import Base, Identifier, WrittenAt
from service.storage.refusals import REQUEST_KEYS, checks


class RequestKey(Base):
    """A caller's key on one route of one payment, and the command that the request queued."""

    __tablename__ = "request_keys"

    route: Mapped[Identifier]
    payment_id: Mapped[UUID]
    idempotency_key: Mapped[Identifier]
    fingerprint: Mapped[bytes]
    correlation_id: Mapped[str]
    created_at: Mapped[WrittenAt]

    __table_args__ = (
        PrimaryKeyConstraint("route", "payment_id", "idempotency_key"),
        *checks(REQUEST_KEYS),
        Index("ix_request_keys_created_at", "created_at"),
    )
