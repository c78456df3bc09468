"""The second look of an audit: one payment's objects at Stripe, asked for again before anything is said of it."""

from collections.abc import Collection
from dataclasses import dataclass, field

from service.domain.auditing import Difference, Record, What, changed_facts
from service.domain.books import Entry, movements_of
from service.domain.errors import StripeRefusedError
from service.domain.learning import learn_picture
from service.domain.ledger import Ledger, Movement, MovementKind, Proof
from service.domain.movements import of_picture
from service.domain.ours import Ownership
from service.domain.payment import Payment
from service.domain.ports import Books
from service.domain.stripe_objects import Picture
from service.storage.locked import Locked
from service.usecases.situations import heard_in

_OF_CHARGE = frozenset({MovementKind.HOLD, MovementKind.HOLD_GONE, MovementKind.CAPTURE})


@dataclass(slots=True)
class Look:
    """What was seen. ``ours``: intents and charges that this service made for the payment.

    ``foreign``: entries that name the payment, and are not its money.
    """

    movements: dict[Proof, Movement] = field(default_factory=dict)
    foreign: list[Entry] = field(default_factory=list)
    ours: set[str] = field(default_factory=set)
    own: Picture | None = None
    refused: str = ""

    def add(self, moved: Collection[Movement]) -> None:
        """Movements that were seen."""
        self.movements |= {movement.key: movement for movement in moved}

    def told(self, record: Record) -> str:
        """What a repair would change of the payment, or why Stripe shows nothing; a command at work decides itself."""
        if self.refused or self.own is None or record.opened:
            return self.refused
        payment = record.payment
        ledger = Ledger().with_movements(record.rows)
        situation = heard_in(Locked(payment, list(record.opened), record.now, ledger))
        return changed_facts(payment, learn_picture(payment, self.own, situation).payment)


def look(
    books: Books, ownership: Ownership, payment: Payment, named: Collection[Entry], found: Collection[Difference]
) -> Look:
    """The payment's own intent, those that name it, and charges of its ledger that no list has shown."""
    seen = Look()
    if payment.stripe_payment_intent_id is not None:
        _look_at_own(books, payment, payment.stripe_payment_intent_id, seen)
    for intent_id in dict.fromkeys(entry.intent_id for entry in named if entry.intent_id is not None):
        _look_at_named(books, ownership, payment, intent_id, seen)
    for entry in named:
        shown = any(moved.key in seen.movements for moved in movements_of(entry, payment))
        if not shown and seen.ours.isdisjoint(entry.ids):
            seen.foreign.append(entry)
    rows = [each for each in found if each.what is What.MISSING_AT_STRIPE and each.kind in _OF_CHARGE]
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
    """An intent that is ours is the payment's own where it has none yet, else one too many."""
    picture = books.look_at(intent_id)
    if ownership.of_intent(payment, picture.intent) is not None:
        return
    seen.ours |= {id_ for id_ in (intent_id, picture.intent.charge_id) if id_ is not None}
    if payment.stripe_payment_intent_id is None:
        seen.own = picture
        seen.add(of_picture(payment, picture))
