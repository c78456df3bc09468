"""The reads of HTTP callers: a payment, and a user's totals."""

import threading
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from service.domain.payment import Payment, PaymentStatus
from service.storage.reads import CurrencyTotals, Reads

UNAVAILABLE = {"type": "unavailable"}


class NextActions(Protocol):
    """The part of the gateway that a read needs. It answers within 2 s, however slow Stripe is."""

    def next_action(self, intent_id: str) -> dict[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class PaymentView:
    """A payment, and the action that its customer still has to take, if any."""

    payment: Payment
    next_action: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class History:
    """A user's totals. ``total_spent`` and ``total_earned`` are in minor units of ``currency``; the counts include
    every currency."""

    user_id: str
    currency: str
    total_spent: int
    total_earned: int
    spent_count: int
    earned_count: int
    by_currency: list[CurrencyTotals]


class PaymentQueries:
    """Reads of payments. At most ``at_stripe_once`` of them wait for Stripe at a time, so that a slow Stripe leaves
    threads for all other requests."""

    def __init__(self, reads: Reads, gateway: NextActions, *, default_currency: str, at_stripe_once: int) -> None:
        self._reads = reads
        self._gateway = gateway
        self._default_currency = default_currency
        self._at_stripe = threading.BoundedSemaphore(at_stripe_once)

    def latest_of_order(self, order_id: str) -> PaymentView | None:
        """The order's latest payment, if any. Raises the database's error."""
        return self._view(self._reads.latest_of_order(order_id))

    def by_id(self, payment_id: UUID) -> PaymentView | None:
        """One payment, if it exists. Raises the database's error."""
        return self._view(self._reads.by_id(payment_id))

    def history_of(self, user_id: str) -> History:
        """A user's totals; all zero for an unknown user. Raises the database's error."""
        totals = self._reads.history_of(user_id)
        currency = totals[0].currency if len(totals) == 1 else self._default_currency
        shown = [each for each in totals if each.currency == currency]
        return History(
            user_id=user_id,
            currency=currency,
            total_spent=sum(each.spent for each in shown),
            total_earned=sum(each.earned for each in shown),
            spent_count=sum(each.spent_count for each in totals),
            earned_count=sum(each.earned_count for each in totals),
            by_currency=totals,
        )

    def _view(self, payment: Payment | None) -> PaymentView | None:
        return None if payment is None else PaymentView(payment, self._next_action(payment))

    def _next_action(self, payment: Payment) -> dict[str, Any] | None:
        """Read from Stripe each time and never stored: a person who has it can finish the payment."""
        if payment.status is not PaymentStatus.REQUIRES_ACTION:
            return None
        if payment.stripe_payment_intent_id is None or not self._at_stripe.acquire(blocking=False):
            return dict(UNAVAILABLE)
        try:
            return self._gateway.next_action(payment.stripe_payment_intent_id)
        finally:
            self._at_stripe.release()
