"""Books and Stripe side by side: what Stripe shows of a stretch of time, whose it is, and whether it is recorded.

Pure: the gateway brings what Stripe shows, the storage what is recorded.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from service.domain.ledger import SUMS, Movement, Proof
from service.domain.payment import Payment, as_uuid
from service.domain.stripe_objects import About


@dataclass(frozen=True, slots=True)
class Sighting:
    """A movement that Stripe shows, and the ids that its object names. ``order_id``: from the metadata."""

    movement: Movement
    about: About
    order_id: str | None = None


class Difference(StrEnum):
    """What is wrong with a movement."""

    UNRECORDED = "not recorded"
    """Stripe shows it, and it is a payment's."""
    UNKNOWN_AT_STRIPE = "not at Stripe"
    """It is recorded, and Stripe does not show it."""
    OTHER_AMOUNT = "another amount or currency"
    NO_PAYMENT = "of no payment"
    """It names a payment that the database does not have: rows are lost."""


@dataclass(frozen=True, slots=True)
class Row:
    """A movement as it is recorded."""

    payment_id: UUID
    kind: str
    proof: str
    amount: int
    currency: str

    @property
    def key(self) -> Proof:
        """What it is known by."""
        return (self.kind, self.proof)


@dataclass(frozen=True, slots=True)
class Differing:
    """One movement that books and Stripe do not agree on; amounts in minor units, None on the side that lacks it."""

    difference: Difference
    payment_id: str | None
    kind: str
    proof: str
    currency: str
    stripe: int | None
    ours: int | None


@dataclass(slots=True)
class Audit:
    """What a comparison found. Sums: by currency, side and name of the sum; ``foreign``: by currency and kind."""

    differing: list[Differing] = field(default_factory=list)
    under_way: list[Differing] = field(default_factory=list)
    foreign: dict[str, Counter[str]] = field(default_factory=dict)
    sums: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    compared: int = 0

    def count(self, side: str, kind: str, amount: int, currency: str) -> None:
        """Add a movement to a side's sums."""
        sides = self.sums.setdefault(currency, {"stripe": Counter(), "ours": Counter()})
        for name, sign in SUMS[kind].items():  # type: ignore[index]
            sides[side][name] += sign * amount


@dataclass(frozen=True, slots=True)
class Owners:
    """Payments by the ids of Stripe's that they have stored, and by their own."""

    by_stripe: Mapping[str, Payment]
    by_id: Mapping[UUID, Payment]

    def of(self, sighting: Sighting) -> Payment | None:
        """Whose movement it is: by an id that we stored; by metadata only where these are all that we write."""
        about = sighting.about
        for id_ in (about.intent_id, about.charge_id, about.transfer_id):
            if id_ is not None and id_ in self.by_stripe:
                return self.by_stripe[id_]
        named = self.by_id.get(as_uuid(about.payment_id) or _NOBODY)
        return named if named is not None and sighting.order_id == named.order_id else None

    def is_lost(self, sighting: Sighting) -> bool:
        """Whether it was made for a payment that is not there: its metadata are what we write, to the id's form."""
        payment_id = as_uuid(sighting.about.payment_id)
        return payment_id is not None and sighting.order_id is not None and payment_id not in self.by_id


_NOBODY = UUID(int=0)


def compare(sightings: Iterable[Sighting], rows: Iterable[Row], owners: Owners) -> Audit:
    """Each movement of either side, once; what strangers did is counted apart."""
    audit = Audit()
    recorded = {row.key: row for row in rows}
    shown: set[Proof] = set()
    for sighting in sightings:
        movement = sighting.movement
        if movement.key in shown:
            continue
        shown.add(movement.key)
        row, owner = recorded.get(movement.key), owners.of(sighting)
        if row is None and owner is None and not owners.is_lost(sighting):
            audit.foreign.setdefault(movement.currency, Counter())[movement.kind] += movement.amount
            continue
        audit.compared += 1
        audit.count("stripe", movement.kind, movement.amount, movement.currency)
        if row is None or (row.amount, row.currency) != (movement.amount, movement.currency):
            audit.differing.append(_differing(movement, row, owner))
    for row in recorded.values():
        audit.count("ours", row.kind, row.amount, row.currency)
        if row.key not in shown:
            audit.differing.append(_only_ours(row))
    return audit


def _differing(movement: Movement, row: Row | None, owner: Payment | None) -> Differing:
    known = str(row.payment_id) if row is not None else None if owner is None else str(owner.payment_id)
    what = Difference.NO_PAYMENT if known is None else Difference.UNRECORDED if row is None else Difference.OTHER_AMOUNT
    return Differing(
        what,
        known,
        movement.kind,
        movement.proof,
        movement.currency,
        movement.amount,
        None if row is None else row.amount,
    )


def _only_ours(row: Row) -> Differing:
    return Differing(
        Difference.UNKNOWN_AT_STRIPE, str(row.payment_id), row.kind, row.proof, row.currency, None, row.amount
    )
