"""Stripe's side of the books: objects that bind or move money, and what ties each to a payment."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from service.domain.ledger import Movement, MovementKind, Proof
from service.domain.movements import of_dispute, of_intent, of_refund, of_reversal, of_transfer
from service.domain.payment import Payment, as_uuid
from service.domain.stripe_objects import Dispute, Intent, Refund, Reversal, Transfer


@dataclass(frozen=True, slots=True)
class Window:
    """From ``since`` on, up to but without ``until`` (UTC, whole seconds: Stripe's times have no parts of them)."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether it lies inside."""
        return self.since <= moment < self.until


@dataclass(frozen=True, slots=True)
class Mark:
    """What a charge, or a transfer from the balance, says of whose it is. Anybody on the account can write it.

    ``in_order_group``: it names an order, and is in the group that we give to this order's objects.
    """

    payment_id: str | None = None
    in_order_group: bool = False

    @property
    def names_us(self) -> bool:
        """Whether it looks as if this service had made it."""
        return as_uuid(self.payment_id) is not None or self.in_order_group


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: a charge (read as its intent), refund, dispute, transfer or reversal.

    ``mark``: of the charge that its money is of, else of the transfer; None where that was not shown.
    """

    id: str
    subject: Intent | Refund | Dispute | Transfer | Reversal
    intent_id: str | None = None
    charge_id: str | None = None
    transfer_id: str | None = None
    mark: Mark | None = None

    @property
    def parent_id(self) -> str | None:
        """The object whose mark counts."""
        return self.charge_id or self.transfer_id

    @property
    def ids(self) -> list[str]:
        """What a record of ours may know it by; what its money is of comes first."""
        return [id_ for id_ in (self.charge_id, self.intent_id, self.transfer_id, self.id) if id_ is not None]


@dataclass(frozen=True, slots=True)
class Line:
    """A balance transaction: one change of the platform's balance, in the currency that Stripe settles in."""

    id: str
    category: str
    amount: int
    currency: str
    source: str | None
    at: datetime | None


KIND_OF_LINE = {
    "charge": MovementKind.CAPTURE,
    "partial_capture_reversal": MovementKind.HOLD_GONE,
    "refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND_FAILED,
    "dispute": MovementKind.DISPUTE_WITHDRAWN,
    "dispute_reversal": MovementKind.DISPUTE_REINSTATED,
    "transfer": MovementKind.TRANSFER,
    "transfer_reversal": MovementKind.REVERSAL,
}
"""Reporting categories that a movement explains (Stripe documentation, "Reporting categories and types"). All others,
such as payouts and fees, are the platform's own money."""


def proof_of(line: Line, entry: Entry | None) -> Proof | None:
    """The movement that explains a balance transaction; None for a category without one."""
    kind = KIND_OF_LINE.get(line.category)
    if kind is None:
        return None
    of_charge = kind is MovementKind.HOLD_GONE and entry is not None and entry.charge_id is not None
    return (kind, (entry.charge_id if entry and of_charge else line.source) or line.id)


def movements_of(entry: Entry, payment: Payment | None) -> Iterator[Movement]:
    """What an object proves, of this payment; of nobody's, it does not matter who made it."""
    match entry.subject:
        case Intent() as charge:
            yield from of_intent(charge)
        case Refund() as refund if refund.of_hold:
            yield from _set_free(entry, refund)
        case Refund() as refund:
            yield from of_refund(payment, refund)
        case Dispute() as dispute:
            yield from of_dispute(dispute)
        case Transfer() as transfer:
            yield from of_transfer(payment, transfer)
        case Reversal() as reversal:
            yield of_reversal(payment, reversal)


def _set_free(entry: Entry, refund: Refund) -> Iterator[Movement]:
    """What Stripe shows as a refund of a hold, or of its rest, says when it went, which its charge does not."""
    if entry.charge_id is not None:
        yield Movement(MovementKind.HOLD_GONE, entry.charge_id, refund.amount, refund.currency, refund.created_at)


class Tie(StrEnum):
    """What an object has to do with this service."""

    STORED = "stored"
    """A payment, or its ledger, knows it by an id of Stripe's."""
    NAMED = "named"
    """It names a payment of ours, which knows nothing of it: a look decides whether we made it."""
    LOST = "lost"
    """It names us, and there is no such payment."""
    FOREIGN = "foreign"
    """Another program's on the same account."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database knows: payments by ids of Stripe's, and which of the named payments there are."""

    by_id: Mapping[str, UUID]
    payments: frozenset[UUID]


def tie(entry: Entry, stored: Stored) -> tuple[Tie, UUID | None]:
    """What an object has to do with us, and its payment."""
    owner = next((stored.by_id[id_] for id_ in entry.ids if id_ in stored.by_id), None)
    if owner is not None:
        return Tie.STORED, owner
    mark = entry.mark or Mark()
    named = as_uuid(mark.payment_id)
    if named in stored.payments:
        return Tie.NAMED, named
    return (Tie.LOST if mark.names_us else Tie.FOREIGN), None


def named_payments(entries: Iterable[Entry]) -> list[UUID]:
    """All payments that marks name, once each."""
    found = (as_uuid(entry.mark.payment_id) for entry in entries if entry.mark is not None)
    return list(dict.fromkeys(payment_id for payment_id in found if payment_id is not None))
