"""Books against Stripe: the rows of one payment's ledger beside the movements that Stripe's objects prove."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from service.domain.audit_sums import Sums
from service.domain.books import Window
from service.domain.commands.command import CommandType
from service.domain.ledger import Money, Movement, MovementKind, Proof
from service.domain.payment import Payment
from service.domain.progress import Progress


class DifferenceKind(StrEnum):
    """The kinds of differences between books and Stripe."""

    MISSING_HERE = "missing_here"
    """Stripe shows the movement, and the ledger has no row for it."""
    MISSING_AT_STRIPE = "missing_at_stripe"
    """The ledger has a row, and Stripe does not show the movement."""
    OTHER_AMOUNT = "other_amount"
    """Both have the movement, with different amounts or currencies."""
    OTHER_PAYMENT = "other_payment"
    """The movement is in the ledger of another payment."""
    NO_PAYMENT = "no_payment"
    """The object names this service, and belongs to no payment."""
    OTHER_FACTS = "other_facts"
    """The payment's facts differ from those that follow from its movements or from a look at Stripe."""
    UNEXPLAINED = "unexplained"
    """The balance changed, and no object at Stripe explains it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between books and Stripe. Amounts in minor units; None on the side that lacks the movement."""

    what: DifferenceKind
    payment_id: UUID | None
    kind: str | None
    proof: str | None
    stripe_amount: int | None = None
    stripe_currency: str | None = None
    our_amount: int | None = None
    our_currency: str | None = None
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        """The difference as the command line prints it."""
        return asdict(self) | {"what": self.what.value}


@dataclass(frozen=True, slots=True)
class Record:
    """The database's record of one payment, read in one transaction; ``now`` by the database's clock."""

    payment: Payment
    rows: tuple[Movement, ...]
    opened: tuple[Progress, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """One payment's movements at Stripe (``seen``) beside the rows of its ledger, both limited to the window.

    ``moments``: the times at which movements changed the balance within the window; objects do not always have them.
    """

    record: Record
    seen: Mapping[Proof, Movement]
    window: Window
    moments: Mapping[Proof, datetime]

    def rows(self) -> dict[Proof, Movement]:
        """Our side: the rows of the ledger in the window, by key."""
        return {row.key: row for row in self.record.rows if self._counts(self.seen.get(row.key), row)}

    def shown(self) -> dict[Proof, Movement]:
        """Stripe's side: the movements in the window, by key."""
        rows = {row.key: row for row in self.record.rows}
        return {key: moved for key, moved in self.seen.items() if self._counts(moved, rows.get(key))}

    def _counts(self, moved: Movement | None, row: Movement | None) -> bool:
        """Whether the movement lies in the window, by Stripe's time; one without a time counts."""
        for movement in (moved, row):
            if movement is not None:
                at = self.moments.get(movement.key) or movement.at
                if at is not None:
                    return self.window.holds(at)
        return True

    def differences(self) -> list[Difference]:
        """All differences: movements that only Stripe has, those that only we have, other amounts, other sums."""
        ours, theirs = self.rows(), self.shown()
        payment_id = self.record.payment.payment_id
        found = [
            difference_in(DifferenceKind.MISSING_HERE, payment_id, moved)
            for key, moved in theirs.items()
            if key not in ours
        ]
        found += [
            difference_in(DifferenceKind.MISSING_AT_STRIPE, payment_id, None, row)
            for key, row in ours.items()
            if key not in theirs
        ]
        for key, moved in theirs.items():
            row = ours.get(key, moved)
            if (moved.amount, moved.currency) != (row.amount, row.currency):
                found.append(difference_in(DifferenceKind.OTHER_AMOUNT, payment_id, moved, row))
        if Money().after(self.record.rows) != self.record.payment.money:
            detail = "the payment's sums are not those of its movements"
            found.append(Difference(DifferenceKind.OTHER_FACTS, payment_id, None, None, detail=detail))
        return found

    def count(self, sums: Sums) -> None:
        """Add both sides to the sums."""
        for movement in self.shown().values():
            sums.add("stripe", movement)
        for movement in self.rows().values():
            sums.add("ours", movement)


def difference_in(
    what: DifferenceKind, payment_id: UUID | None, moved: Movement | None, row: Movement | None = None
) -> Difference:
    """A difference in one movement: ``moved`` at Stripe, ``row`` in the ledger. Raises TypeError without both."""
    either = moved or row
    if either is None:
        raise TypeError("a difference is about a movement")
    made = Difference(what, payment_id, either.kind.value, either.proof)
    if moved is not None:
        made = replace(made, stripe_amount=moved.amount, stripe_currency=moved.currency)
    return made if row is None else replace(made, our_amount=row.amount, our_currency=row.currency)


_CAUSED_BY = {
    CommandType.AUTHORIZE: {MovementKind.HOLD},
    CommandType.RELEASE: {MovementKind.CAPTURE, MovementKind.TRANSFER},
    CommandType.REVERT: {MovementKind.HOLD_GONE, MovementKind.REFUND, MovementKind.REVERSAL},
    CommandType.CANCEL_HOLD: {MovementKind.HOLD_GONE, MovementKind.REFUND},
}
"""The movements that a command makes at Stripe before it writes their rows."""


def is_under_way(difference: Difference, opened: Collection[Progress], moved: Movement | None) -> bool:
    """Whether an open command of the payment may have made the movement and not written its row yet.

    Stripe has a movement before the ledger has it. So only a movement of ours that is missing here can be under way.
    """
    if difference.what is not DifferenceKind.MISSING_HERE or moved is None or not moved.by_us:
        return False
    return any(moved.kind in _CAUSED_BY[progress.command.type] for progress in opened)


_SUMS = frozenset(Money.__slots__)
_NOT_COMPARED = _SUMS | {"event_sequence", "updated_at", "failure"}


def changed_facts(before: Payment, after: Payment) -> str:
    """The facts of a payment, other than its sums, that a look at Stripe would change, as text; empty without any."""
    names = [name for name in Payment.__slots__ if name not in _NOT_COMPARED]
    changed = [(name, getattr(before, name), getattr(after, name)) for name in names]
    return ", ".join(f"{name} {_word(old)} → {_word(new)}" for name, old, new in changed if old != new)


def _word(value: object) -> str:
    return "none" if value is None else str(value)
