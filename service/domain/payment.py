"""A payment: its status with the one table of transitions, and its facts, without regard to how they are stored."""

import re
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from runtime.errors import PaymentServiceError
from service.domain.errors import ErrorCode
from service.domain.ledger import RUNNER_SIDE, Money, Movement


class PaymentStatus(StrEnum):
    """The status of a payment. FAILED and REVERTED are terminal; SUCCEEDED may only become REVERTED."""

    INITIATING = "INITIATING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    AUTHORIZED = "AUTHORIZED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REVERTED = "REVERTED"


TRANSITIONS: dict[PaymentStatus, frozenset[PaymentStatus]] = {
    PaymentStatus.INITIATING: frozenset(
        {
            PaymentStatus.REQUIRES_ACTION,
            PaymentStatus.AUTHORIZED,
            PaymentStatus.SUCCEEDED,
            PaymentStatus.FAILED,
            PaymentStatus.REVERTED,
        }
    ),
    PaymentStatus.REQUIRES_ACTION: frozenset(
        {
            PaymentStatus.AUTHORIZED,
            PaymentStatus.SUCCEEDED,
            PaymentStatus.FAILED,
            PaymentStatus.REVERTED,
        }
    ),
    PaymentStatus.AUTHORIZED: frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.REVERTED}),
    PaymentStatus.SUCCEEDED: frozenset({PaymentStatus.REVERTED}),
    PaymentStatus.FAILED: frozenset(),
    PaymentStatus.REVERTED: frozenset(),
}

LIVE = frozenset(
    {
        PaymentStatus.INITIATING,
        PaymentStatus.REQUIRES_ACTION,
        PaymentStatus.AUTHORIZED,
        PaymentStatus.SUCCEEDED,
    }
)
"""Statuses in which a payment is its order's live one. An order has at most one."""

UNANSWERED = frozenset({PaymentStatus.INITIATING, PaymentStatus.REQUIRES_ACTION})
"""Statuses in which the authorize has no outcome yet."""

ANSWERED_LIVE = LIVE - UNANSWERED
"""Statuses in which the caller knows that the money is held or captured."""


def may_become(current: PaymentStatus, new: PaymentStatus) -> bool:
    """Whether the transition table allows ``current`` → ``new``."""
    return new in TRANSITIONS[current]


_PAYMENTS = UUID("5b1f6d0e-0c55-4e0c-9d51-6b6f4d3f7a10")
"""The namespace of payment ids. It never changes: every payment's id is derived from it."""


MONEY_FIELDS = tuple(field.name for field in fields(Money))
"""The payment's fields that hold sums of its movements. The database computes them."""


_WRITTEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def payment_id_of(correlation_id: str) -> UUID:
    """The id of the payment that the authorize with this correlation id makes (RFC 9562, UUID version 5).

    If the database loses its rows, a repeated command gets the same id again, and its objects at Stripe are found.
    """
    return uuid5(_PAYMENTS, correlation_id)


def written_payment_id(text: str) -> UUID | None:
    """The payment id that a caller wrote, in the form with hyphens; None for any other text."""
    return UUID(text) if _WRITTEN.fullmatch(text) else None


def as_uuid(text: str | None) -> UUID | None:
    """The text as a UUID; None if it is none."""
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None


class TransitionError(PaymentServiceError):
    """The transition table does not allow this change of status: a fault in this code."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason of a failure. ``stripe_code`` is Stripe's decline code if there is one, else its error code."""

    error: ErrorCode
    message: str
    stripe_code: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The failure as the three fields of the contract."""
        return {"error": self.error.value, "message": self.message, "stripe_code": self.stripe_code}


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay an order. ``amount`` in minor units; times in UTC.

    ``transfer_amount`` is in minor units of ``transfer_currency``, the currency in which Stripe settled the charge.

    ``held`` to ``reversed`` are the sums of the payment's movements; ``money`` has all of them. ``refund_status`` is
    Stripe's status of the refund ``stripe_refund_id``. ``release_correlation_id`` and ``revert_correlation_id`` are
    those of the last release and the last revert that were done.

    ``captured_at``, ``canceled_at`` and the Stripe ids are facts: effects at Stripe, whatever the payment's status.
    """

    payment_id: UUID
    order_id: str
    customer_id: str
    amount: int
    currency: str
    status: PaymentStatus
    authorize_correlation_id: str
    event_sequence: int = 0
    runner_id: str | None = None
    runner_connect_account_id: str | None = None
    description: str | None = None
    stripe_payment_intent_id: str | None = None
    stripe_charge_id: str | None = None
    stripe_transfer_id: str | None = None
    transfer_amount: int | None = None
    transfer_currency: str | None = None
    stripe_reversal_id: str | None = None
    stripe_refund_id: str | None = None
    refund_status: str | None = None
    release_correlation_id: str | None = None
    revert_correlation_id: str | None = None
    held: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    contested: int = 0
    transferred: int = 0
    reversed: int = 0
    captured_at: datetime | None = None
    canceled_at: datetime | None = None
    revert_reason: str | None = None
    failure: dict[str, Any] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def become(self, status: PaymentStatus, **facts: Any) -> "Payment":
        """The payment after a transition. Raises TransitionError when the table does not allow it."""
        if not may_become(self.status, status):
            raise TransitionError(f"payment {self.payment_id}: {self.status} may not become {status}")
        return replace(self, status=status, **facts)

    @property
    def holds_nothing(self) -> bool:
        """Whether the hold is known to be gone: canceled, refunded, or taken back by a bank for good."""
        return self.canceled_at is not None or self.stripe_refund_id is not None or self.money.is_all_back

    @property
    def money(self) -> Money:
        """The sums of the payment's movements."""
        return Money(*(getattr(self, name) for name in MONEY_FIELDS))

    def with_movements(self, movements: Collection[Movement]) -> "Payment":
        """The payment with these movements added to its sums."""
        if not movements:
            return self
        sums = self.money.after(movements)
        sent = next((m.currency for m in movements if m.kind in RUNNER_SIDE and not m.stray), None)
        currency = self.transfer_currency or sent
        return replace(self, **{name: getattr(sums, name) for name in MONEY_FIELDS}, transfer_currency=currency)
