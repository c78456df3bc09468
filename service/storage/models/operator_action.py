"""The record of operators' acts."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.storage.models.base import Base, Identifier, WrittenAt
from service.storage.models.dead_letter import DeadLetter
from service.storage.models.payment import Payment
from service.storage.refusals import OPERATOR_ACTIONS, checks


class OperatorAction(Base):
    """One act with its object and its reason: appended in the transaction of its effect, never changed."""

    __tablename__ = "operator_actions"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    operator: Mapped[str]
    channel: Mapped[str]
    action: Mapped[str]
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey(Payment.payment_id))
    correlation_id: Mapped[Identifier | None]
    command_type: Mapped[Identifier | None]
    dead_letter_id: Mapped[int | None] = mapped_column(ForeignKey(DeadLetter.id))
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    at: Mapped[WrittenAt]

    __table_args__ = (
        *checks(OPERATOR_ACTIONS),
        *(
            Index(f"ix_operator_actions_{name}", name, postgresql_where=text(f"{name} IS NOT NULL"))
            for name in ("payment_id", "correlation_id")
        ),
    )
