"""The sums of an audit: our movements on both sides, and other programs' money beside them."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from service.domain.ledger import Movement, MovementKind

COUNTED = tuple(kind for kind in MovementKind if kind not in {MovementKind.DISPUTE_OPENED, MovementKind.DISPUTE_CLOSED})
"""The kinds of movements that sums count. A dispute's opening and closing move no money."""


@dataclass(slots=True)
class Sums:
    """Amounts by currency, side and kind of movement."""

    _sides: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)

    def add(self, side: str, movement: Movement) -> None:
        """Add a movement to a side, ``stripe`` or ``ours``."""
        if movement.kind in COUNTED:
            sides = self._sides.setdefault(movement.currency, {"stripe": Counter(), "ours": Counter()})
            sides[side][movement.kind] += movement.amount

    def as_json(self) -> dict[str, Any]:
        """The sums by currency, side and kind, zeros included; amounts in minor units."""
        return {
            currency: {side: {kind.value: sums[kind] for kind in COUNTED} for side, sums in sides.items()}
            for currency, sides in sorted(self._sides.items())
        }


@dataclass(slots=True)
class Strangers:
    """Other programs' money on the account: the number of objects by currency, the amounts by currency and kind."""

    _objects: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _sums: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, movements: Iterable[Movement]) -> None:
        """Add the movements that one object proves."""
        for movement in movements:
            self._objects[movement.currency].add(movement.proof)
            if movement.kind in COUNTED:
                self._sums[movement.currency][movement.kind] += movement.amount

    def as_json(self) -> dict[str, Any]:
        """The number of objects and the sums, by currency; kinds that did not occur are left out."""
        return {
            currency: {"objects": len(objects), **dict(sorted(self._sums[currency].items()))}
            for currency, objects in sorted(self._objects.items())
        }
