"""Reconciliation: compare a payment with Stripe, and repair it where a webhook was lost."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from runtime.crash_points import reached
from service.crash_points import CrashPoint
from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.intent_state import Observed
from service.domain.learning import learn_picture, learn_stray
from service.domain.operator_acts import Act
from service.domain.ours import Ownership
from service.domain.payment import Payment
from service.domain.ports import PaymentGateway
from service.domain.status import PaymentStatus
from service.domain.stripe_objects import Intent, Picture
from service.domain.stripe_requests import StripeRequest, last
from service.storage import locked, operator_actions, payments
from service.storage.engine import Connection, Engine, in_transaction, transaction
from service.storage.locked import Locked
from service.usecases.call import CLOCK_SKEW
from service.usecases.record import Recorder
from service.usecases.situations import heard_in


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one comparison. ``result``: agrees, repaired, would_repair, busy, undecided."""

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
    """Looks at Stripe outside any transaction, then applies the picture as a webhook's event is applied."""

    engine: Engine
    gateway: PaymentGateway
    recorder: Recorder

    def stale(self, limit: int, older_than: timedelta) -> list[UUID]:
        """Held payments without a look for ``older_than``; each is returned once within that time.

        Raises the database's error.
        """
        with transaction(self.engine) as connection:
            return payments.take_stale(connection, limit, older_than)

    def examine(
        self, payment_id: UUID, *, dry_run: bool = False, named: Collection[str] = (), act: Act | None = None
    ) -> Finding:
        """Compare one payment's state and amounts with Stripe, and repair the payment unless ``dry_run``.

        ``named``: transfers that events have named. ``act``: an operator's, kept with the repair and the requests of
        the look. Raises LookupError when there is no such payment, or the database's error.
        """
        known = in_transaction(self.engine, lambda connection: _locked(connection, payment_id))
        payment, requests = known.payment, list[StripeRequest]()
        try:
            picture, strays = replace(self, gateway=self.gateway.noting(requests.append))._pictures(known, named)
        except StripeRefusedError as refusal:
            return _finding(payment, None, "undecided", f"Stripe refuses to show the intent: {refusal.message}")
        except (StripeUnknownError, StripeBusyError) as fault:
            return _finding(payment, None, "undecided", f"Stripe did not answer: {fault}; run it again")
        if picture is None:
            return _without_intent(payment)

        def compared(connection: Connection) -> Finding:
            finding = self._compare(_locked(connection, payment_id), picture, strays, connection, dry_run=dry_run)
            if act is not None and finding.result == "repaired":
                operator_actions.record(
                    connection, replace(act, detail={"found": finding.detail, "requests": last(requests)})
                )
            reached(CrashPoint.LOOK_BEFORE_COMMIT)
            return finding

        finding = in_transaction(self.engine, compared)
        reached(CrashPoint.LOOK_AFTER_COMMIT)
        return finding

    def _pictures(self, known: Locked, named: Collection[str]) -> tuple[Picture | None, list[Picture]]:
        """The payment's own intent, if Stripe has one, and the intents of its earlier attempts."""
        payment = known.payment
        picture = self._look(payment, {*named, *known.ledger.transfers})
        second = known.ledger.second_intents(payment.stripe_payment_intent_id)
        return picture, [self.gateway.look_at(intent_id) for intent_id in second]

    def _look(self, payment: Payment, named: Collection[str]) -> Picture | None:
        if payment.stripe_payment_intent_id is not None:
            return self.gateway.look_at(payment.stripe_payment_intent_id, named)
        if payment.created_at is None:
            raise TypeError("a payment that was read has a time of creation")
        since = payment.created_at - CLOCK_SKEW
        found = self.gateway.find_intent(str(payment.payment_id), None, since, partial(_is_ours, payment))
        return None if found is None else self.gateway.look_at(found.id)

    def _compare(
        self, found: Locked, picture: Picture, strays: list[Picture], connection: Connection, *, dry_run: bool
    ) -> Finding:
        payment, intent = found.payment, picture.intent
        if any(progress.leased for progress in found.opened):
            return _finding(payment, intent, "busy", "a command is at work on it")
        observed = _learn(found, picture, strays)
        if observed == Observed(payment):
            return _finding(payment, intent, "agrees", "")
        detail = _difference(payment, observed)
        if observed.look:
            # The look showed everything; another one would show the same.
            detail, observed = f"{detail}; Stripe's amounts do not add up to sums", replace(observed, look=False)
        if dry_run:
            return _finding(payment, intent, "would_repair", detail)
        self.recorder.record(connection, payment, observed, "reconcile", now=found.now)
        return _finding(observed.payment, intent, "repaired", detail)


def _locked(connection: Connection, payment_id: UUID) -> Locked:
    found = locked.lock(connection, payment_id)
    if found is None:
        raise LookupError(f"no payment {payment_id}")
    return found


def _learn(found: Locked, picture: Picture, strays: list[Picture]) -> Observed:
    """Learn from the payment's own intent, and from second ones. The latter count in no sum."""
    situation = heard_in(found)
    observed = learn_picture(found.payment, picture, situation)
    learnt = [movement for stray in strays for movement in learn_stray(found.payment, stray, situation).movements]
    return replace(observed, movements=(*observed.movements, *learnt))


def _difference(payment: Payment, observed: Observed) -> str:
    learnt = [f"{movement.kind} {movement.amount} {movement.currency}" for movement in observed.movements]
    parts = [f"{payment.status} → {observed.payment.status}, {len(observed.answers)} event(s)", *learnt]
    return "; ".join(parts)


def _without_intent(payment: Payment) -> Finding:
    if payment.status is PaymentStatus.FAILED:
        return _finding(payment, None, "agrees", "it failed before Stripe made an intent")
    return _finding(payment, None, "undecided", "Stripe has no intent of this payment; its command decides")


def _is_ours(payment: Payment, intent: Intent) -> bool:
    return Ownership().of_intent(payment, intent) is None


def _finding(payment: Payment, intent: Intent | None, result: str, detail: str) -> Finding:
    status = None if intent is None else intent.status.value
    return Finding(str(payment.payment_id), payment.status.value, status, result, detail)
