"""What an audit adds up: our movements on both sides, and strangers' money beside them."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from service.domain.ledger import Movement, MovementKind

COUNTED = tuple(kind for kind in MovementKind if kind not in {MovementKind.DISPUTE_OPENED, MovementKind.DISPUTE_CLOSED})
"""What sums are made of: a dispute that is opened or closed moves nothing by that."""


@dataclass(slots=True)
class Sums:
    """Amounts by currency, side and kind of movement."""

    _sides: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)

    def add(self, side: str, movement: Movement) -> None:
        """One more movement of a side, ``stripe`` or ``ours``."""
        if movement.kind in COUNTED:
            sides = self._sides.setdefault(movement.currency, {"stripe": Counter(), "ours": Counter()})
            sides[side][movement.kind] += movement.amount

    def as_json(self) -> dict[str, Any]:
        """Every counted kind, zeros too."""
        return {
            currency: {side: {kind.value: sums[kind] for kind in COUNTED} for side, sums in sides.items()}
            for currency, sides in sorted(self._sides.items())
        }


@dataclass(slots=True)
class Strangers:
    """Other programs' money on the account: objects counted, amounts summed by currency and kind."""

    _objects: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _sums: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, movements: Iterable[Movement]) -> None:
        """What one object proves."""
        for movement in movements:
            self._objects[movement.currency].add(movement.proof)
            if movement.kind in COUNTED:
                self._sums[movement.currency][movement.kind] += movement.amount

    def as_json(self) -> dict[str, Any]:
        """By currency; kinds that did not occur are left out."""
        return {
            currency: {"objects": len(objects), **dict(sorted(self._sums[currency].items()))}
            for currency, objects in sorted(self._objects.items())
        }
