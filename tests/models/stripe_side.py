"""A model of Stripe's side of one payment: our requests, and the actions of strangers, banks and time.

A ``Picture`` is the whole state. Every function returns the pictures that may follow, none where Stripe refuses.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from service.domain.errors import StripeRefusedError
from service.domain.ledger import Money
from service.domain.stripe_objects import (
    Charge,
    Dispute,
    Intent,
    IntentError,
    IntentStatus,
    Picture,
    Refund,
    Reversal,
    Settlement,
    Transfer,
)
from tests.unit.domain.facts import PAYMENT_ID

AMOUNT, PART = 1500, 500
OURS = str(PAYMENT_ID)
DECLINED = IntentError("card_error", "No.", "card_declined", "lost_card")
_OPEN = frozenset({IntentStatus.REQUIRES_ACTION, IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CAPTURE})

Moves = Iterator[tuple[str, Picture]]


@dataclass(frozen=True)
class Refused:
    """Stripe's refusal as a value."""

    code: str
    kind: str = "invalid_request_error"
    intent_id: str | None = None

    @property
    def error(self) -> StripeRefusedError:
        return StripeRefusedError(self.code, kind=self.kind, code=self.code, intent_id=self.intent_id)


def effective(side: Picture) -> list[Refund]:
    """Refunds that return money."""
    return [refund for refund in side.refunds if not (refund.failed or refund.of_hold)]


def refundable(side: Picture) -> int:
    return side.intent.received - sum(refund.amount for refund in effective(side))


def charged_back(side: Picture) -> bool:
    """Whether a dispute prevents refunds of the charge; an inquiry does not."""
    return any(dispute.withdrawn and not dispute.reinstated for dispute in side.disputes)


def left_of(transfer: Transfer) -> int:
    return transfer.amount - sum(reversal.amount for reversal in transfer.reversals)


def money_of(side: Picture) -> Money:
    """The sums at Stripe, counted from its objects, not from movements."""
    intent, held_once = side.intent, side.intent.charge_id is not None and side.intent.error is None
    is_held = intent.status is IntentStatus.REQUIRES_CAPTURE
    return Money(
        held=intent.amount if held_once and is_held else 0,
        captured=intent.received,
        refunded=intent.received - refundable(side),
        disputed=sum(d.amount for d in side.disputes if d.withdrawn and not d.reinstated),
        contested=sum(d.amount for d in side.disputes if not d.closed),
        transferred=sum(transfer.amount for transfer in side.transfers),
        reversed=sum(transfer.amount - left_of(transfer) for transfer in side.transfers),
    )


def shown(side: Picture) -> Intent:
    """The intent with its charge, as a retrieve shows it."""
    intent = side.intent
    if intent.charge_id is None:
        return intent
    settled = Settlement(intent.received, intent.currency) if intent.received else None
    refunded = intent.received - refundable(side)
    return replace(intent, charge=Charge(intent.charge_id, refunded, bool(side.disputes), settled))


def held(side: Picture) -> Picture:
    intent = replace(side.intent, status=IntentStatus.REQUIRES_CAPTURE, charge_id="ch_1", error=None)
    return replace(side, intent=intent)


def declined(side: Picture) -> Picture:
    status = IntentStatus.REQUIRES_PAYMENT_METHOD
    return replace(side, intent=replace(side.intent, status=status, charge_id="ch_1", error=DECLINED))


def canceled(side: Picture) -> Picture:
    return replace(side, intent=replace(side.intent, status=IntentStatus.CANCELED))


def captured(side: Picture, amount: int = AMOUNT) -> Picture:
    """A partial capture. Stripe shows the rest of the hold as a refund, although it is none."""
    freed = () if amount == AMOUNT else (_refund(side, AMOUNT - amount, None, of_hold=True),)
    intent = replace(side.intent, status=IntentStatus.SUCCEEDED, received=amount)
    return replace(side, intent=intent, refunds=(*freed, *side.refunds))


def _refund(side: Picture, amount: int, by: str | None, status: str = "succeeded", *, of_hold: bool = False) -> Refund:
    id_ = f"re_{len(side.refunds) + 1}"
    return Refund(id_, amount, "sgd", status, payment_id=by, of_hold=of_hold, intent_id="pi_1")


def refunded(side: Picture, amount: int, by: str | None, status: str = "succeeded") -> Picture:
    """A refund, which also closes a bank's inquiry about the charge."""
    closed = [d if d.closed else replace(d, status="warning_closed") for d in side.disputes]
    return replace(side, refunds=(_refund(side, amount, by, status), *side.refunds), disputes=tuple(closed))


def transferred(side: Picture, destination: str, amount: int, charge_id: str | None = "ch_1") -> Picture:
    sent = Transfer(f"tr_{len(side.transfers) + 1}", amount, "sgd", destination, charge_id, OURS)
    return replace(side, transfers=(sent, *side.transfers))


def reversed_(side: Picture, transfer_id: str, amount: int, by: str | None) -> Picture:
    number = sum(len(transfer.reversals) for transfer in side.transfers) + 1
    back = Reversal(f"trr_{number}", amount, "sgd", by)
    sent = [replace(t, reversals=(back, *t.reversals)) if t.id == transfer_id else t for t in side.transfers]
    return replace(side, transfers=tuple(sent))


def strangers(side: Picture) -> Moves:
    """Possible actions of people, other programs and banks."""
    status = side.intent.status
    if status is IntentStatus.REQUIRES_CAPTURE:
        yield "captured in the Dashboard", captured(side)
        yield "captured in part in the Dashboard", captured(side, PART)
    if status in _OPEN:
        yield "canceled in the Dashboard, or expired", canceled(side)
    if status is IntentStatus.REQUIRES_PAYMENT_METHOD:
        yield "the customer pays with another card", held(side)
    yield from _refund_moves(side)
    yield from _dispute_moves(side)
    for transfer in side.transfers:
        for amount in _parts(left_of(transfer)):
            yield f"{amount} of {transfer.id} reversed from outside", reversed_(side, transfer.id, amount, None)


def _parts(left: int) -> set[int]:
    return {min(PART, left), left} - {0}


def _refund_moves(side: Picture) -> Moves:
    if not charged_back(side):
        for amount in _parts(refundable(side)):
            yield f"{amount} refunded in the Dashboard", refunded(side, amount, None)
    for refund in effective(side):
        yield f"{refund.id} fails", _with_refund(side, replace(refund, status="failed"))


def _with_refund(side: Picture, changed: Refund) -> Picture:
    return replace(side, refunds=tuple(changed if refund.id == changed.id else refund for refund in side.refunds))


def _dispute_moves(side: Picture) -> Moves:
    left = refundable(side)
    if left and all(dispute.closed and dispute.status != "lost" for dispute in side.disputes):
        id_ = f"dp_{len(side.disputes) + 1}"
        dispute = Dispute(id_, left, "sgd", "needs_response", withdrawn=True, intent_id="pi_1")
        inquiry = replace(dispute, status="warning_needs_response", withdrawn=False)
        yield "disputed", replace(side, disputes=(dispute, *side.disputes))
        yield "inquired about", replace(side, disputes=(inquiry, *side.disputes))


def time(side: Picture) -> Moves:
    """Changes by time: a bank decides, a refund arrives."""
    for dispute in side.disputes:
        for end in [] if dispute.closed else _ends(dispute):
            others = tuple(end if other.id == end.id else other for other in side.disputes)
            yield f"{end.id} {end.status}", replace(side, disputes=others)
    for refund in effective(side):
        if refund.status == "pending":
            yield f"{refund.id} arrives", _with_refund(side, replace(refund, status="succeeded"))


def _ends(dispute: Dispute) -> list[Dispute]:
    if dispute.withdrawn:
        return [replace(dispute, status="won", reinstated=True), replace(dispute, status="lost")]
    return [
        replace(dispute, status="warning_closed"),
        replace(dispute, status="needs_response", withdrawn=True),
    ]
