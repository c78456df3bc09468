"""The second look of an audit: reads one payment's objects at Stripe again before the audit reports a difference."""

from collections.abc import Collection
from dataclasses import dataclass, field

from service.domain.auditing import Difference, DifferenceKind, Record, changed_facts
from service.domain.books import Entry, movements_of
from service.domain.errors import StripeRefusedError
from service.domain.learning import learn_picture, situation_of
from service.domain.ledger import Ledger, Movement, MovementKind, Proof
from service.domain.movements import of_picture
from service.domain.ours import Ownership
from service.domain.payment import Payment
from service.domain.ports import Books
from service.domain.stripe_objects import Picture

_OF_CHARGE = frozenset({MovementKind.HOLD, MovementKind.HOLD_GONE, MovementKind.CAPTURE})


@dataclass(slots=True)
class Look:
    """What a look has shown. ``ours``: intents and charges that this service made for the payment.

    ``foreign``: entries that name the payment, but are not its money. ``own``: the picture of its own intent.
    """

    movements: dict[Proof, Movement] = field(default_factory=dict)
    foreign: list[Entry] = field(default_factory=list)
    ours: set[str] = field(default_factory=set)
    own: Picture | None = None
    refused: str = ""

    def add(self, moved: Collection[Movement]) -> None:
        """Add movements that the look has shown."""
        self.movements |= {movement.key: movement for movement in moved}

    def detail(self, record: Record) -> str:
        """The facts of the payment that a repair would change, or why Stripe refused to show its intent.

        Empty, but for a refusal, while a command of the payment is open: that command will decide.
        """
        if self.refused or self.own is None or record.opened:
            return self.refused
        payment = record.payment
        situation = situation_of(record.opened, Ledger().with_movements(record.rows), record.now)
        return changed_facts(payment, learn_picture(payment, self.own, situation).payment)


def look(
    books: Books, ownership: Ownership, payment: Payment, named: Collection[Entry], found: Collection[Difference]
) -> Look:
    """Read the payment's own intent, intents that name it, and charges of its ledger that no list has shown.

    Raises what ``Books`` raises, but for a refusal to show the payment's own intent.
    """
    seen = Look()
    if payment.stripe_payment_intent_id is not None:
        _look_at_own(books, payment, payment.stripe_payment_intent_id, seen)
    for intent_id in dict.fromkeys(entry.intent_id for entry in named if entry.intent_id is not None):
        _look_at_named(books, ownership, payment, intent_id, seen)
    for entry in named:
        shown = any(moved.key in seen.movements for moved in movements_of(entry, payment))
        if not shown and seen.ours.isdisjoint(entry.ids):
            seen.foreign.append(entry)
    rows = [each for each in found if each.what is DifferenceKind.MISSING_AT_STRIPE and each.kind in _OF_CHARGE]
    for charge_id in dict.fromkeys(each.proof for each in rows):
        charge = books.find(charge_id) if charge_id is not None else None
        if charge is not None:
            seen.add(list(movements_of(charge, payment)))
    return seen


def _look_at_own(books: Books, payment: Payment, intent_id: str, seen: Look) -> None:
    try:
        seen.own = books.look_at(intent_id)
    except StripeRefusedError as refusal:
        seen.refused = f"Stripe does not show {intent_id}: {refusal.message}"
    else:
        seen.add(of_picture(payment, seen.own))


def _look_at_named(books: Books, ownership: Ownership, payment: Payment, intent_id: str, seen: Look) -> None:
    """Read an intent that names the payment. If it is ours and the payment knows of none, it is the payment's own."""
    picture = books.look_at(intent_id)
    if ownership.of_intent(payment, picture.intent) is not None:
        return
    seen.ours |= {id_ for id_ in (intent_id, picture.intent.charge_id) if id_ is not None}
    if payment.stripe_payment_intent_id is None:
        seen.own = picture
        seen.add(of_picture(payment, picture))
