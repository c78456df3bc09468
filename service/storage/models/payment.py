"""A payment, the history of its status, and its ledger."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.domain.payment import ANSWERED_LIVE, LIVE, PaymentStatus
from service.storage.models.base import JSON_OR_NULL, Base, FromZero, Identifier, WrittenAt
from service.storage.refusals import MOVEMENTS, PAYMENT_TRANSITIONS, PAYMENTS, PROOFS, checks, one_of

UNPAID = one_of("status", sorted({*PaymentStatus} - ANSWERED_LIVE))
"""SQL condition: nothing is held and nothing is earned. Most payments are paid."""

MAY_OWE = (
    "(status IN ('FAILED', 'REVERTED') AND canceled_at IS NULL AND stripe_payment_intent_id IS NOT NULL "
    "AND refunded + disputed < amount) OR "
    "(status = 'SUCCEEDED' AND transferred > 0 "
    "AND (stripe_reversal_id IS NOT NULL OR transferred - reversed < COALESCE(transfer_amount, amount))) OR "
    "(status IN ('FAILED', 'REVERTED') AND transferred > reversed) OR "
    "(status IN ('AUTHORIZED', 'SUCCEEDED') AND stripe_transfer_id IS NULL AND failure IS NOT NULL)"
)
"""True of every payment that owes money to a customer, a runner or the platform, and of few others. It does not use
``captured`` or ``held``: with them, each capture would have to write to all indexes of the payment."""


class Payment(Base):
    """One attempt to pay an order. ``held`` to ``reversed`` are the sums of its ledger, kept by the database."""

    __tablename__ = "payments"

    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[Identifier]
    customer_id: Mapped[Identifier]
    runner_id: Mapped[Identifier | None]
    runner_connect_account_id: Mapped[str | None]
    amount: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str]
    description: Mapped[str | None]
    authorize_correlation_id: Mapped[str]
    stripe_payment_intent_id: Mapped[Identifier | None]
    stripe_charge_id: Mapped[Identifier | None]
    stripe_transfer_id: Mapped[Identifier | None]
    transfer_amount: Mapped[int | None]
    transfer_currency: Mapped[str | None]
    stripe_reversal_id: Mapped[Identifier | None]
    stripe_refund_id: Mapped[Identifier | None]
    refund_status: Mapped[str | None]
    release_correlation_id: Mapped[str | None]
    revert_correlation_id: Mapped[str | None]
    held: Mapped[FromZero]
    captured: Mapped[FromZero]
    refunded: Mapped[FromZero]
    disputed: Mapped[FromZero]
    contested: Mapped[FromZero]
    transferred: Mapped[FromZero]
    reversed: Mapped[FromZero]
    captured_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    revert_reason: Mapped[str | None]
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON_OR_NULL)
    event_sequence: Mapped[FromZero]
    created_at: Mapped[WrittenAt]
    updated_at: Mapped[WrittenAt]
    looked_at: Mapped[WrittenAt]
    look_at: Mapped[datetime | None]
    new_movements: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON_OR_NULL)
    """Always null: the trigger payment_files_movements turns a value written here into rows of movements."""

    __table_args__ = (
        *checks(PAYMENTS),
        *(
            Index(f"uq_payments_{proof}", proof, unique=True, postgresql_where=text(f"{proof} IS NOT NULL"))
            for proof in PROOFS
        ),
        Index(
            "uq_payments_live_order",
            "order_id",
            unique=True,
            postgresql_where=text(one_of("status", sorted(LIVE))),
        ),
        Index("uq_payments_stripe_payment_intent_id", "stripe_payment_intent_id", unique=True),
        Index("ix_payments_order_id_created_at", "order_id", "created_at"),
        Index("ix_payments_customer_id", "customer_id"),
        Index("ix_payments_runner_id", "runner_id", postgresql_where=text("runner_id IS NOT NULL")),
        Index("ix_payments_created_at", "created_at"),
        Index("ix_payments_unpaid", "created_at", postgresql_where=text(UNPAID)),
        Index("ix_payments_held", "looked_at", postgresql_where=text("status = 'AUTHORIZED'")),
        Index("ix_payments_may_owe", "payment_id", postgresql_where=text(MAY_OWE)),
        Index("ix_payments_look", "look_at", postgresql_where=text("look_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "80"}},
    )


class Movement(Base):
    """A movement of money in a payment's ledger; appended, never changed."""

    __tablename__ = "movements"

    kind: Mapped[Identifier]
    proof: Mapped[Identifier]
    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.payment_id))
    amount: Mapped[int]
    currency: Mapped[str]
    intent_id: Mapped[str | None]
    by_us: Mapped[bool]
    stray: Mapped[bool] = mapped_column(server_default=text("false"))
    detail: Mapped[str | None]
    cause: Mapped[str]
    happened_at: Mapped[datetime]
    learnt_at: Mapped[WrittenAt]

    __table_args__ = (
        PrimaryKeyConstraint("proof", "kind"),
        *checks(MOVEMENTS),
        Index("ix_movements_payment_id", "payment_id"),
        Index("ix_movements_stray", "payment_id", postgresql_where=text("stray")),
        Index("ix_movements_learnt_at", "learnt_at", postgresql_using="brin"),
    )


class PaymentTransition(Base):
    """A change of a payment's status, and its cause."""

    __tablename__ = "payment_transitions"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.payment_id))
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    cause: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))

    __table_args__ = (*checks(PAYMENT_TRANSITIONS), Index("ix_payment_transitions_payment_id", "payment_id"))
