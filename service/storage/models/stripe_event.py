"""The inbox: webhook events from Stripe."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.storage.models.base import JSON_OR_NULL, Base, Identifier, WrittenAt
from service.storage.refusals import STRIPE_EVENTS, checks


class StripeEvent(Base):
    """A delivered event and the result of its processing. ``tells``: the movements that it reports, kind and proof."""

    __tablename__ = "stripe_events"

    event_id: Mapped[Identifier] = mapped_column(primary_key=True)
    type: Mapped[str]
    object_id: Mapped[str | None]
    payment_id: Mapped[UUID | None]
    result: Mapped[str]
    tells: Mapped[list[list[str]] | None] = mapped_column(JSON_OR_NULL)
    stripe_created_at: Mapped[datetime | None]
    received_at: Mapped[WrittenAt]

    __table_args__ = (
        *checks(STRIPE_EVENTS),
        Index("ix_stripe_events_payment_id", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
    )
