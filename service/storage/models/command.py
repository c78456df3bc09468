"""A command: its content, its lease, its recovery point and its outcome."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, Integer, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.domain.progress import CommandState, Rest
from service.storage.models.base import JSON_OR_NULL, Base, Identifier, WrittenAt
from service.storage.models.payment import Payment
from service.storage.refusals import COMMANDS, checks

PENDING, DONE = (text(f"'{state}'") for state in (CommandState.PENDING, CommandState.DONE))
ACCEPTED, ANSWERED = (text(f"'{point}'") for point in (Rest.ACCEPTED, Rest.ANSWERED))
"""Constants in the statement's text. A parameter would keep PostgreSQL from using a partial index."""


class Command(Base):
    """A row of the idempotency table: one command, by correlation id and type."""

    __tablename__ = "commands"

    correlation_id: Mapped[Identifier]
    command_type: Mapped[Identifier]
    fingerprint: Mapped[bytes]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey(Payment.payment_id))
    state: Mapped[str]
    recovery_point: Mapped[str]
    step_started_at: Mapped[datetime | None]
    key_generation: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    arrival: Mapped[int] = mapped_column(Identity(always=True))
    lease_token: Mapped[UUID | None]
    lease_expires_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSON_OR_NULL)
    traceparent: Mapped[str | None]
    origin_topic: Mapped[str | None]
    origin_partition: Mapped[int | None] = mapped_column(Integer)
    origin_offset: Mapped[int | None]
    stripe_requests: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON_OR_NULL)
    """The calls with their requests, for operators: nothing is decided by them. See ``domain.stripe_requests``."""
    revert_event_type: Mapped[str | None]
    received_at: Mapped[WrittenAt]
    updated_at: Mapped[WrittenAt]
    completed_at: Mapped[datetime | None]
    reopened: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    reopened_at: Mapped[datetime | None]

    __table_args__ = (
        PrimaryKeyConstraint("correlation_id", "command_type"),
        *checks(COMMANDS),
        Index(
            "uq_commands_leased_payment",
            "payment_id",
            unique=True,
            postgresql_where=text("lease_token IS NOT NULL"),
        ),
        Index("ix_commands_payment_id_arrival", "payment_id", "arrival"),
        Index("ix_commands_received_at", "received_at", postgresql_using="brin"),
        Index("ix_commands_due", "next_attempt_at", postgresql_where=text("state <> 'done'")),
        {"postgresql_with": {"fillfactor": "80"}},
    )
