"""Money as facts: the movements that Stripe's objects prove, and their sums.

One row for each thing that moved or bound money, keyed by the object that proves it: heard five times, in any order and
from whomever, it is one row. Nothing changes a row; a payment's money is the sum of its rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MovementKind(StrEnum):
    """What happened, and to what the proof belongs."""

    HOLD = "hold"
    """The charge: money of the customer's card is held."""
    HOLD_GONE = "hold_gone"
    """The charge: what was held and not captured is the customer's again."""
    CAPTURE = "capture"
    """The charge: what was held is the platform's."""
    REFUND = "refund"
    """The refund: money is on its way to the customer, or there."""
    REFUND_FAILED = "refund_failed"
    """The refund: the money came back to the platform, and the customer has nothing."""
    DISPUTE_OPENED = "dispute_opened"
    """The dispute, or inquiry: nothing may be paid out of the charge until it is closed."""
    DISPUTE_WITHDRAWN = "dispute_withdrawn"
    """The dispute: the bank has taken the money from the platform."""
    DISPUTE_REINSTATED = "dispute_reinstated"
    """The dispute: the bank has given the money back."""
    DISPUTE_CLOSED = "dispute_closed"
    """The dispute: it is decided, ``detail`` says how."""
    TRANSFER = "transfer"
    """The transfer: money of the charge is the connected account's."""
    REVERSAL = "reversal"
    """The reversal: (part of) a transfer is the platform's again."""


SUMS: dict[MovementKind, dict[str, int]] = {
    MovementKind.HOLD: {"held": 1},
    MovementKind.HOLD_GONE: {"held": -1},
    MovementKind.CAPTURE: {"held": -1, "captured": 1},
    MovementKind.REFUND: {"refunded": 1},
    MovementKind.REFUND_FAILED: {"refunded": -1},
    MovementKind.DISPUTE_OPENED: {"contested": 1},
    MovementKind.DISPUTE_CLOSED: {"contested": -1},
    MovementKind.DISPUTE_WITHDRAWN: {"disputed": 1},
    MovementKind.DISPUTE_REINSTATED: {"disputed": -1},
    MovementKind.TRANSFER: {"transferred": 1},
    MovementKind.REVERSAL: {"reversed": 1},
}
"""What a movement adds to which sum of its payment. The trigger ``movement_sums`` of the database says the same."""

RUNNER_SIDE = frozenset({MovementKind.TRANSFER, MovementKind.REVERSAL})
"""Movements in the currency that Stripe settled the charge in; all others are in the payment's."""

Proof = tuple[str, str]
"""What a movement is known by: its kind, and the id of the object that proves it."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of money at Stripe. ``amount`` in minor units of ``currency``, always above 0.

    ``at``: when it happened, by Stripe's clock (UTC); None where its object does not say, which is then just now.
    ``by_us``: whether this service did it. ``stray``: it belongs to a second intent of the payment, and is in no sum.
    ``intent_id``: whose money it is, where its object says so; transfers and reversals don't.
    ``detail``: why, in Stripe's word: the reason of a refund or of its failure, the status of a dispute.
    """

    kind: MovementKind
    proof: str
    amount: int
    currency: str
    at: datetime | None = None
    by_us: bool = True
    stray: bool = False
    detail: str | None = None
    intent_id: str | None = None

    @property
    def key(self) -> Proof:
        """What it is known by."""
        return (self.kind, self.proof)


@dataclass(frozen=True, slots=True)
class Money:
    """Sums of a payment's movements in minor units; the last two in the currency of its transfers."""

    held: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    contested: int = 0
    transferred: int = 0
    reversed: int = 0

    def after(self, movements: Iterable[Movement]) -> "Money":
        """The sums with these movements, too."""
        return self.plus((movement.kind, movement.amount) for movement in movements if not movement.stray)

    def plus(self, moved: Iterable[tuple[MovementKind, int]]) -> "Money":
        """The sums with these amounts of these kinds, too."""
        sums = {name: getattr(self, name) for name in self.__slots__}
        for kind, amount in moved:
            for name, sign in SUMS[kind].items():
                sums[name] += sign * amount
        return Money(**sums)

    @property
    def adds_up(self) -> bool:
        """Whether the database takes these sums: nothing comes back that was never taken or sent."""
        taken = min(self.held, self.captured, self.refunded, self.disputed, self.contested, self.reversed) >= 0
        return taken and self.refunded <= self.captured and self.reversed <= self.transferred

    @property
    def left(self) -> int:
        """What of the capture is neither the customer's nor the bank's again."""
        return self.captured - self.refunded - self.disputed

    @property
    def is_all_back(self) -> bool:
        """Whether all that was taken went back for good."""
        return self.captured > 0 and self.left <= 0 and self.contested == 0

    @property
    def outstanding(self) -> int:
        """What connected accounts have of the charge."""
        return self.transferred - self.reversed


@dataclass(frozen=True, slots=True)
class Recorded:
    """A movement as it stands in the ledger: what a plan needs to know of it."""

    kind: str
    proof: str
    amount: int
    intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """A payment's movements, those of second intents too."""

    rows: tuple[Recorded, ...] = ()

    @property
    def keys(self) -> frozenset[Proof]:
        """What is known."""
        return frozenset((row.kind, row.proof) for row in self.rows)

    def with_movements(self, movements: Iterable[Movement]) -> "Ledger":
        """The ledger with these, too."""
        more = (Recorded(one.kind, one.proof, one.amount, one.intent_id) for one in movements)
        return Ledger((*self.rows, *more))

    def money_of(self, intent_id: str) -> Money:
        """The sums of one intent's own movements: what it holds, took and gave back."""
        return Money().plus((MovementKind(row.kind), row.amount) for row in self.rows if row.intent_id == intent_id)

    @property
    def transfers(self) -> frozenset[str]:
        """Transfers that are known, whoever made them."""
        return frozenset(row.proof for row in self.rows if row.kind == MovementKind.TRANSFER)

    def second_intents(self, own: str | None) -> list[str]:
        """Intents beside the payment's own that are not known to keep no money."""
        others = {row.intent_id for row in self.rows if row.intent_id not in {None, own}}
        return sorted(one for one in others if one is not None and not self.is_over(one))

    def is_over(self, intent_id: str) -> bool:
        """Whether an intent is known to have held money and to keep none."""
        money = self.money_of(intent_id)
        held = any(row.intent_id == intent_id for row in self.rows)
        return held and money.held <= 0 and money.left <= 0 and money.contested == 0
