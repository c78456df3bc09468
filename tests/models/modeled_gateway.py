"""The gateway's port on a model of Stripe's side."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, Self, TypeVar, cast

from service.domain.ours import is_our_transfer
from service.domain.stripe_objects import (
    HARMLESS_DISPUTE,
    Intent,
    IntentRequest,
    IntentStatus,
    Picture,
    Refund,
    Reversal,
    StepResult,
    Transfer,
    TransferRequest,
)
from service.domain.stripe_requests import Note
from tests.models import stripe_side
from tests.models.stripe_side import Refused
from tests.unit.domain import facts

Result = TypeVar("Result", Intent, Transfer, Reversal, Refund)


class ModeledGateway:
    """``side`` is Stripe's state; None before the intent. ``fate``: the choice among possible answers.

    ``kept``: the answer stored under the idempotency key of the only call that may change anything.
    """

    def __init__(self, side: Picture | None, fate: str = "", kept: StepResult | None = None) -> None:
        self.side = side
        self.kept = kept
        self._fate = fate

    def _once(self, do: Callable[[], Result]) -> Result:
        """The objects of an old answer are read again, because they may have changed since."""
        if self.kept is None:
            made = do()
            self.kept = made
            return made
        return cast(Result, self._as_it_is_now(self.kept))

    def _as_it_is_now(self, made: StepResult) -> StepResult:
        if isinstance(made, Intent):
            return stripe_side.shown(self._now)
        effective: tuple[Transfer | Refund, ...] = (*self._now.transfers, *self._now.refunds)
        return next((found for found in effective if found.id == made.id), made)

    @property
    def _now(self) -> Picture:
        if self.side is None:
            raise Refused("resource_missing").error
        return self.side

    def noting(self, note: Note) -> Self:
        """The model keeps no log of requests."""
        return self

    def create_intent(self, request: IntentRequest, key: str) -> Intent:
        return self._once(lambda: self._create(request))

    def _create(self, request: IntentRequest) -> Intent:
        asked = facts.intent(IntentStatus.REQUIRES_ACTION, payment_id=request.payment_id, order_id=request.order_id)
        self.side = Picture(asked)
        if self._fate == "declined":
            self.side = stripe_side.declined(self.side)
            raise Refused("card_declined", "card_error", asked.id).error
        if self._fate == "held":
            self.side = stripe_side.held(self.side)
        return self.side.intent

    def retrieve_intent(self, intent_id: str) -> Intent:
        return stripe_side.shown(self._now)

    def find_intent(
        self, payment_id: str, stripe_customer_id: str | None, since: datetime, is_ours: Callable[[Intent], bool]
    ) -> Intent | None:
        return None if self.side is None else self.side.intent

    def capture(self, intent_id: str, key: str) -> Intent:
        return self._once(self._capture)

    def _capture(self) -> Intent:
        if self._now.intent.status is not IntentStatus.REQUIRES_CAPTURE:
            raise Refused("payment_intent_unexpected_state").error
        self.side = stripe_side.captured(self._now)
        return stripe_side.shown(self.side)

    def cancel(self, intent_id: str, key: str, reason: str) -> Intent:
        return self._once(self._cancel)

    def _cancel(self) -> Intent:
        if self._now.intent.status in {IntentStatus.SUCCEEDED, IntentStatus.CANCELED}:
            raise Refused("payment_intent_unexpected_state").error
        self.side = stripe_side.canceled(self._now)
        return self.side.intent

    def transfer(self, request: TransferRequest, key: str) -> Transfer:
        return self._once(lambda: self._send(request))

    def _send(self, request: TransferRequest) -> Transfer:
        used = sum(sent.amount for sent in self._now.transfers if sent.charge_id is not None)
        # Stripe also counts later reversals.
        if used and request.charge_id is not None:
            raise Refused("source_amount_exceeded").error
        self.side = stripe_side.transferred(self._now, request.destination, request.amount, request.charge_id)
        return self.side.transfers[0]

    def find_transfer(self, request: TransferRequest) -> Transfer | None:
        ours = [sent for sent in self._now.transfers if is_our_transfer(request, sent)]
        return min(ours, key=lambda sent: sent.reversal_id is not None, default=None)

    def reverse_transfer(self, transfer_id: str, key: str, payment_id: str) -> Reversal:
        return self._once(lambda: self._take_back(transfer_id, payment_id))

    def _take_back(self, transfer_id: str, payment_id: str) -> Reversal:
        left = stripe_side.left_of(self._transfer(transfer_id))
        if not left:
            raise Refused("already_reversed").error
        self.side = stripe_side.reversed_(self._now, transfer_id, left, payment_id)
        return self._transfer(transfer_id).reversals[0]

    def find_reversal(self, transfer_id: str) -> Reversal | None:
        sent = self._transfer(transfer_id)
        return sent.reversals[0] if sent.reversal_id is not None else None

    def _transfer(self, id_: str) -> Transfer:
        return next(sent for sent in self._now.transfers if sent.id == id_)

    def refund(self, intent_id: str, key: str, reason: str, payment_id: str) -> Refund:
        return self._once(lambda: self._give_back(payment_id))

    def _give_back(self, payment_id: str) -> Refund:
        left = stripe_side.refundable(self._now)
        if stripe_side.charged_back(self._now):
            raise Refused("charge_disputed").error
        if not left:
            raise Refused("charge_already_refunded").error
        self.side = stripe_side.refunded(self._now, left, payment_id, self._fate)
        return self.side.refunds[0]

    def find_refund(self, intent_id: str) -> Refund | None:
        found = stripe_side.effective(self._now)
        return found[0] if found and not stripe_side.refundable(self._now) else None

    def is_disputed(self, charge_id: str) -> bool:
        return any(dispute.status not in HARMLESS_DISPUTE for dispute in self._now.disputes)

    def look_at(self, intent_id: str, _named: Collection[str] = ()) -> Picture:
        """The picture; of an intent without a capture, only the intent."""
        side, intent = self._now, stripe_side.shown(self._now)
        parts = (side.refunds, side.disputes, side.transfers) if intent.received else ((), (), ())
        return Picture(intent, *parts, whole=True)

    def next_action(self, intent_id: str) -> dict[str, Any] | None:
        raise NotImplementedError
