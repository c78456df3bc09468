"""All effects on money, one entry for each. A replayed response adds none."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass

from devstack.stripe_simulator.wire import Json


class Effect(enum.StrEnum):
    """Kinds of effects on money. A charge with immediate capture is one CAPTURE and no HOLD."""

    HOLD = "hold"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    TRANSFER = "transfer"
    REVERSAL = "reversal"
    REFUND_FAILURE = "refund_failure"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One effect. `amount` is in minor units; for a CANCEL it is the released hold, 0 without a hold."""

    effect: Effect
    id: str
    amount: int
    currency: str
    payment_intent: str | None
    charge: str | None
    destination: str | None
    metadata: dict[str, str]
    by: str
    """The actor: `api`, `dashboard`, `customer` (3-D Secure), `bank` (disputes) or `stripe` (expiry)."""
    idempotency_key: str | None
    at: int


class Ledger:
    """Effects in the order in which they happened."""

    def __init__(self) -> None:
        self._entries: list[LedgerEntry] = []

    def add(self, entry: LedgerEntry) -> None:
        """Record one effect."""
        self._entries.append(entry)

    def entries(self, *, effect: str | None = None, payment_intent: str | None = None) -> list[Json]:
        """The effects as JSON, all of them or those that match."""
        return [
            asdict(entry)
            for entry in self._entries
            if effect in (None, entry.effect) and payment_intent in (None, entry.payment_intent)
        ]
