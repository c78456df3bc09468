"""The states of a payment and the one table of its transitions."""

from enum import StrEnum


class PaymentStatus(StrEnum):
    """Where a payment stands. FAILED and REVERTED are terminal; SUCCEEDED may only be reverted."""

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
"""States in which a payment holds its order: at most one such payment an order."""

UNANSWERED = frozenset({PaymentStatus.INITIATING, PaymentStatus.REQUIRES_ACTION})
"""States in which the authorize has no outcome yet."""

ANSWERED_LIVE = LIVE - UNANSWERED
"""States in which the caller was told that the money is there."""


def may_become(current: PaymentStatus, new: PaymentStatus) -> bool:
    """Whether the transition table allows ``current`` → ``new``."""
    return new in TRANSITIONS[current]
