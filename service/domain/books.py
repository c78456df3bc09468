"""Stripe's side of the books: objects that bind or move money, and the tie of each to a payment."""

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
    """The time from ``since`` on and before ``until`` (UTC, whole seconds, as Stripe's times are)."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in the window."""
        return self.since <= moment < self.until


@dataclass(frozen=True, slots=True)
class Mark:
    """The payment and order that a charge, or a transfer from the balance, names. Any program on the account can write
    them.

    ``in_order_group``: it names an order, and is in the transfer group that we give to this order's objects.
    """

    payment_id: str | None = None
    in_order_group: bool = False

    @property
    def names_us(self) -> bool:
        """Whether the object looks like one that this service made."""
        return as_uuid(self.payment_id) is not None or self.in_order_group


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: a charge (read as its intent), refund, dispute, transfer or reversal.

    ``mark``: that of its charge, or else of its transfer; None where Stripe did not include that object.
    """

    id: str
    subject: Intent | Refund | Dispute | Transfer | Reversal
    intent_id: str | None = None
    charge_id: str | None = None
    transfer_id: str | None = None
    mark: Mark | None = None

    @property
    def parent_id(self) -> str | None:
        """The id of the object whose mark counts: the charge, or else the transfer."""
        return self.charge_id or self.transfer_id

    @property
    def ids(self) -> list[str]:
        """The ids of Stripe's by which a payment may know the entry; the charge that its money comes from is first."""
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
    """The key of the movement that explains a balance transaction; None for a category without one."""
    kind = KIND_OF_LINE.get(line.category)
    if kind is None:
        return None
    of_charge = kind is MovementKind.HOLD_GONE and entry is not None and entry.charge_id is not None
    return (kind, (entry.charge_id if entry and of_charge else line.source) or line.id)


def movements_of(entry: Entry, payment: Payment | None) -> Iterator[Movement]:
    """The movements that an object proves. ``payment`` only decides which of them are ours."""
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
    """The end of a hold, or of its rest, which Stripe shows as a refund. Only the refund has the time."""
    if entry.charge_id is not None:
        yield Movement(MovementKind.HOLD_GONE, entry.charge_id, refund.amount, refund.currency, refund.created_at)


class Tie(StrEnum):
    """The relation of an object to this service."""

    STORED = "stored"
    """A payment, or its ledger, has an id of the object."""
    NAMED = "named"
    """The object names a payment of ours that does not know it: a look decides whether we made it."""
    LOST = "lost"
    """The object names this service, and the payment does not exist."""
    FOREIGN = "foreign"
    """The object belongs to another program on the same account."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The database's side: payments by ids of Stripe's, and those of the named payments that exist."""

    by_id: Mapping[str, UUID]
    payments: frozenset[UUID]


def tie(entry: Entry, stored: Stored) -> tuple[Tie, UUID | None]:
    """The relation of an object to this service, and its payment, if any."""
    owner = next((stored.by_id[id_] for id_ in entry.ids if id_ in stored.by_id), None)
    if owner is not None:
        return Tie.STORED, owner
    mark = entry.mark or Mark()
    named = as_uuid(mark.payment_id)
    if named in stored.payments:
        return Tie.NAMED, named
    return (Tie.LOST if mark.names_us else Tie.FOREIGN), None


def named_payments(entries: Iterable[Entry]) -> list[UUID]:
    """All payments that the entries' marks name, each once."""
    found = (as_uuid(entry.mark.payment_id) for entry in entries if entry.mark is not None)
    return list(dict.fromkeys(payment_id for payment_id in found if payment_id is not None))
