"""Comparing payments with Stripe's truth: a lost webhook is made up for, what cannot be decided is told."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.observations import SEEN_BY_STATUS, Observed, observe
from service.domain.ours import Ownership
from service.domain.payment import Payment
from service.domain.ports import Intent, PaymentGateway
from service.storage import locked, payments
from service.storage.engine import Connection, Engine, in_transaction, transaction
from service.usecases.claims import revert_open
from service.usecases.recording import Recorder
from service.usecases.steps import CLOCK_SKEW


@dataclass(frozen=True, slots=True)
class Finding:
    """What a comparison found. ``result``: agrees, repaired, would_repair, busy, undecided."""

    payment_id: str
    status: str
    stripe_status: str | None
    result: str
    detail: str

    def as_json(self) -> dict[str, Any]:
        """The finding as the command line prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Looks at Stripe outside any transaction, then applies what was seen like a webhook."""

    engine: Engine
    gateway: PaymentGateway
    recorder: Recorder

    def stale(self, limit: int, older_than: timedelta) -> list[UUID]:
        """Held payments not looked at for ``older_than``; each is given out once within that time."""
        with transaction(self.engine) as connection:
            return payments.take_stale(connection, limit, older_than)

    def examine(self, payment_id: UUID, *, dry_run: bool = False) -> Finding:
        """Compare one payment with its intent and repair it. Raises LookupError when there is no such payment."""
        payment = in_transaction(self.engine, lambda connection: payments.read(connection, payment_id))
        if payment is None:
            raise LookupError(f"no payment {payment_id}")
        try:
            intent = self._look(payment)
        except StripeRefusedError as refusal:
            return _finding(payment, None, "undecided", f"Stripe refuses to show the intent: {refusal.message}")
        except (StripeUnknownError, StripeBusyError) as fault:
            return _finding(payment, None, "undecided", f"Stripe did not answer: {fault}; run it again")
        if intent is None:
            return _finding(payment, None, "undecided", "Stripe has no intent of this payment; its command decides")
        return in_transaction(
            self.engine, lambda connection: self._compare(connection, payment_id, intent, dry_run=dry_run)
        )

    def _look(self, payment: Payment) -> Intent | None:
        if payment.stripe_payment_intent_id is not None:
            return self.gateway.retrieve_intent(payment.stripe_payment_intent_id)
        if payment.created_at is None:
            raise TypeError("a payment that was read has a time of creation")
        since = payment.created_at - CLOCK_SKEW
        return self.gateway.find_intent(str(payment.payment_id), None, since, partial(_is_ours, payment))

    def _compare(self, connection: Connection, payment_id: UUID, intent: Intent, *, dry_run: bool) -> Finding:
        found = locked.lock(connection, payment_id)
        if found is None:
            raise LookupError(f"no payment {payment_id}")
        payment, opened, now = found
        if any(progress.leased for progress in opened):
            return _finding(payment, intent, "busy", "a command is at work on it")
        observed = observe(payment, SEEN_BY_STATUS[intent.status], intent, revert_open=revert_open(opened), now=now)
        if observed == Observed(payment):
            return _finding(payment, intent, "agrees", "")
        detail = f"{payment.status} → {observed.payment.status}, {len(observed.answers)} event(s)"
        if dry_run:
            return _finding(payment, intent, "would_repair", detail)
        self.recorder.record(connection, payment, observed, "reconcile", now=now)
        return _finding(observed.payment, intent, "repaired", detail)


def _is_ours(payment: Payment, intent: Intent) -> bool:
    return Ownership().of_intent(payment, intent) is None


def _finding(payment: Payment, intent: Intent | None, result: str, detail: str) -> Finding:
    status = None if intent is None else intent.status.value
    return Finding(str(payment.payment_id), payment.status.value, status, result, detail)
