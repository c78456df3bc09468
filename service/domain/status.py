"""The statuses of a payment, and the one table of its transitions."""

from enum import StrEnum


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
