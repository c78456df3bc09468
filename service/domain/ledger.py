"""Money as facts: the movements that Stripe's objects prove, and their sums.

The ledger has one row for each movement, keyed by the object that proves it. Reported five times, in any order and from
any source, a movement is still one row. Nothing changes a row; a payment's money is the sum of its rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MovementKind(StrEnum):
    """The kinds of movements. Each description begins with the object that proves the kind."""

    HOLD = "hold"
    """The charge: money on the customer's card is held."""
    HOLD_GONE = "hold_gone"
    """The charge: held money that was not captured is the customer's again."""
    CAPTURE = "capture"
    """The charge: held money is now the platform's."""
    REFUND = "refund"
    """The refund: money is on its way to the customer, or has arrived."""
    REFUND_FAILED = "refund_failed"
    """The refund: the money came back to the platform, and the customer has nothing."""
    DISPUTE_OPENED = "dispute_opened"
    """The dispute, or inquiry: until it is closed, nothing may be paid out of the charge."""
    DISPUTE_WITHDRAWN = "dispute_withdrawn"
    """The dispute: the bank has taken the money from the platform."""
    DISPUTE_REINSTATED = "dispute_reinstated"
    """The dispute: the bank has given the money back."""
    DISPUTE_CLOSED = "dispute_closed"
    """The dispute is decided; ``detail`` has its status."""
    TRANSFER = "transfer"
    """The transfer: money of the charge is now the connected account's."""
    REVERSAL = "reversal"
    """The reversal: a transfer, or a part of it, is the platform's again."""


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
"""The sums of a payment that a movement's amount changes, each with its sign. The database's trigger ``movement_sums``
has the same table."""

RUNNER_SIDE = frozenset({MovementKind.TRANSFER, MovementKind.REVERSAL})
"""Movements in the currency in which Stripe settled the charge. All others are in the payment's currency."""

Proof = tuple[str, str]
"""A movement's key: its kind, and the id of the object that proves it."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of money at Stripe. ``amount`` in minor units of ``currency``, always above 0.

    ``at``: its time by Stripe's clock (UTC); None if the object has no time for it, and the time of learning counts.
    ``by_us``: whether this service made it. ``stray``: it belongs to a second intent of the payment, and is in no sum.
    ``intent_id``: the intent whose money it is, if the object has it; transfers and reversals do not.
    ``detail``: in Stripe's words: the reason of a refund or of its failure, the reason or status of a dispute.
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
        """The movement's key."""
        return (self.kind, self.proof)


@dataclass(frozen=True, slots=True)
class Money:
    """Sums of a payment's movements, in minor units; the last two in the currency of its transfers."""

    held: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    contested: int = 0
    transferred: int = 0
    reversed: int = 0

    def after(self, movements: Iterable[Movement]) -> "Money":
        """The sums after these movements; those of second intents do not count."""
        return self.plus((movement.kind, movement.amount) for movement in movements if not movement.stray)

    def plus(self, moved: Iterable[tuple[MovementKind, int]]) -> "Money":
        """The sums after these amounts (minor units) of these kinds."""
        sums = {name: getattr(self, name) for name in self.__slots__}
        for kind, amount in moved:
            for name, sign in SUMS[kind].items():
                sums[name] += sign * amount
        return Money(**sums)

    @property
    def adds_up(self) -> bool:
        """Whether the database accepts these sums: no more comes back than was captured or transferred."""
        taken = min(self.held, self.captured, self.refunded, self.disputed, self.contested, self.reversed) >= 0
        return taken and self.refunded <= self.captured and self.reversed <= self.transferred

    @property
    def left(self) -> int:
        """The part of the capture that neither the customer nor a bank has back, in minor units."""
        return self.captured - self.refunded - self.disputed

    @property
    def is_all_back(self) -> bool:
        """Whether all that was captured went back for good."""
        return self.captured > 0 and self.left <= 0 and self.contested == 0

    @property
    def outstanding(self) -> int:
        """The part of the transfers that is not reversed, in minor units of their currency."""
        return self.transferred - self.reversed


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of the ledger, with the fields that a plan needs."""

    kind: str
    proof: str
    amount: int
    intent_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """A payment's movements, including those of second intents."""

    rows: tuple[Recorded, ...] = ()

    @property
    def keys(self) -> frozenset[Proof]:
        """The keys of all movements."""
        return frozenset((row.kind, row.proof) for row in self.rows)

    def with_movements(self, movements: Iterable[Movement]) -> "Ledger":
        """The ledger with these movements added."""
        more = (Recorded(one.kind, one.proof, one.amount, one.intent_id) for one in movements)
        return Ledger((*self.rows, *more))

    def money_of(self, intent_id: str) -> Money:
        """The sums of one intent's own movements, second intents included."""
        return Money().plus((MovementKind(row.kind), row.amount) for row in self.rows if row.intent_id == intent_id)

    @property
    def transfers(self) -> frozenset[str]:
        """The ids of all known transfers, including those of other programs."""
        return frozenset(row.proof for row in self.rows if row.kind == MovementKind.TRANSFER)

    def second_intents(self, own: str | None) -> list[str]:
        """Intents other than the payment's ``own`` that may still keep money."""
        others = {row.intent_id for row in self.rows if row.intent_id not in {None, own}}
        return sorted(one for one in others if one is not None and not self.is_over(one))

    def is_over(self, intent_id: str) -> bool:
        """Whether the intent is known to have held money and to keep none now."""
        money = self.money_of(intent_id)
        held = any(row.intent_id == intent_id for row in self.rows)
        return held and money.held <= 0 and money.left <= 0 and money.contested == 0
