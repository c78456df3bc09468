"""Books against Stripe: the rows of one payment's ledger beside what Stripe's objects prove of it."""

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


class What(StrEnum):
    """How books and Stripe differ."""

    MISSING_HERE = "missing_here"
    """Stripe has moved it, and the ledger has no row of it."""
    MISSING_AT_STRIPE = "missing_at_stripe"
    """The ledger has a row, and Stripe does not show what it tells of."""
    OTHER_AMOUNT = "other_amount"
    """Both have it, with another amount or currency."""
    OTHER_PAYMENT = "other_payment"
    """The ledger has it as another payment's."""
    NO_PAYMENT = "no_payment"
    """It names this service, and belongs to no payment."""
    OTHER_FACTS = "other_facts"
    """The payment is not what its movements, or a look at Stripe, make of it."""
    UNEXPLAINED = "unexplained"
    """The balance changed, and no object of Stripe's says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which books and Stripe differ. Amounts in minor units; None on the side that lacks it."""

    what: What
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
    """What the database has of one payment, read at once; ``now`` by its clock."""

    payment: Payment
    rows: tuple[Movement, ...]
    opened: tuple[Progress, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """What Stripe shows of one payment, by key, beside its rows; of both only what lies in the window.

    ``moments``: when the balance changed by it, where that lies in the window; an object need not tell.
    """

    record: Record
    seen: Mapping[Proof, Movement]
    window: Window
    moments: Mapping[Proof, datetime]

    def rows(self) -> dict[Proof, Movement]:
        """Our side."""
        return {row.key: row for row in self.record.rows if self._counts(self.seen.get(row.key), row)}

    def shown(self) -> dict[Proof, Movement]:
        """Stripe's side."""
        rows = {row.key: row for row in self.record.rows}
        return {key: moved for key, moved in self.seen.items() if self._counts(moved, rows.get(key))}

    def _counts(self, moved: Movement | None, row: Movement | None) -> bool:
        """Stripe's time decides; what has none is taken."""
        for movement in (moved, row):
            if movement is not None:
                at = self.moments.get(movement.key) or movement.at
                if at is not None:
                    return self.window.holds(at)
        return True

    def differences(self) -> list[Difference]:
        """Everything that differs, Stripe's side first."""
        ours, theirs = self.rows(), self.shown()
        payment_id = self.record.payment.payment_id
        found = [
            difference_in(What.MISSING_HERE, payment_id, moved) for key, moved in theirs.items() if key not in ours
        ]
        found += [
            difference_in(What.MISSING_AT_STRIPE, payment_id, None, row)
            for key, row in ours.items()
            if key not in theirs
        ]
        for key, moved in theirs.items():
            row = ours.get(key, moved)
            if (moved.amount, moved.currency) != (row.amount, row.currency):
                found.append(difference_in(What.OTHER_AMOUNT, payment_id, moved, row))
        if Money().after(self.record.rows) != self.record.payment.money:
            detail = "the payment's sums are not those of its movements"
            found.append(Difference(What.OTHER_FACTS, payment_id, None, None, detail=detail))
        return found

    def count(self, sums: Sums) -> None:
        """Put both sides into the sums."""
        for movement in self.shown().values():
            sums.add("stripe", movement)
        for movement in self.rows().values():
            sums.add("ours", movement)


def difference_in(
    what: What, payment_id: UUID | None, moved: Movement | None, row: Movement | None = None
) -> Difference:
    """A difference in one movement: Stripe's side, and ours."""
    either = moved or row
    if either is None:
        raise TypeError("a difference is about a movement")
    made = Difference(what, payment_id, either.kind.value, either.proof)
    if moved is not None:
        made = replace(made, stripe_amount=moved.amount, stripe_currency=moved.currency)
    return made if row is None else replace(made, our_amount=row.amount, our_currency=row.currency)


_COMES_OF = {
    CommandType.AUTHORIZE: {MovementKind.HOLD},
    CommandType.RELEASE: {MovementKind.CAPTURE, MovementKind.TRANSFER},
    CommandType.REVERT: {MovementKind.HOLD_GONE, MovementKind.REFUND, MovementKind.REVERSAL},
    CommandType.CANCEL_HOLD: {MovementKind.HOLD_GONE, MovementKind.REFUND},
}
"""What a command does at Stripe before its rows are written."""


def is_under_way(difference: Difference, opened: Collection[Progress], moved: Movement | None) -> bool:
    """Whether an open command of the payment may have caused the difference and not written it down yet.

    Nothing is written before Stripe has it, so only what is missing here can be under way; others' doings are not ours.
    """
    if difference.what is not What.MISSING_HERE or moved is None or not moved.by_us:
        return False
    return any(moved.kind in _COMES_OF[progress.command.type] for progress in opened)


_SUMS = frozenset(Money.__slots__)
_NOT_COMPARED = _SUMS | {"event_sequence", "updated_at", "failure"}


def changed_facts(before: Payment, after: Payment) -> str:
    """What a look at Stripe would change of a payment beside its sums, in words; empty where nothing."""
    names = [name for name in Payment.__slots__ if name not in _NOT_COMPARED]
    changed = [(name, getattr(before, name), getattr(after, name)) for name in names]
    return ", ".join(f"{name} {_word(old)} → {_word(new)}" for name, old, new in changed if old != new)


def _word(value: object) -> str:
    return "none" if value is None else str(value)
