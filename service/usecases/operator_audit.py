"""Comparing books and Stripe, and mending nothing: the proof that no cent moved without a payment's record of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.domain.auditing import Audit, Differing, Sighting, compare
from service.domain.learning import learn_picture
from service.domain.payment import as_uuid
from service.domain.ports import Books
from service.storage import locked, operator_money, payments
from service.storage.engine import Engine, in_transaction, transaction
from service.storage.operator_session import Record
from service.usecases.situations import heard_in


@dataclass(frozen=True, slots=True)
class MoneyAudit:
    """Reads Stripe outside any transaction."""

    engine: Engine
    books: Books

    def run(self, since: datetime, until: datetime, seen: Callable[[], None]) -> tuple[Audit, list[Record]]:
        """What differs, and what is owed to whom. Raises the gateway's and the database's errors.

        What differs at first is looked at once more: meanwhile it may have been written down.
        """
        sightings = self.books.sightings(since, until, seen)
        with transaction(self.engine) as connection:
            keys = {sighting.movement.key for sighting in sightings}
            rows = {row.key: row for row in operator_money.rows_of_proofs(connection, keys)}
            rows |= {row.key: row for row in operator_money.rows_learnt(connection, since, until)}
            owners = operator_money.owners(connection, *_named(sightings))
            owed = operator_money.owed(connection)
        audit = compare(sightings, rows.values(), owners)
        self._look_again(audit)
        return audit, owed

    def _look_again(self, audit: Audit) -> None:
        suspects, audit.differing = audit.differing, []
        of_payment: dict[str | None, list[Differing]] = {}
        for one in suspects:
            of_payment.setdefault(one.payment_id, []).append(one)
        audit.differing += of_payment.pop(None, [])
        for payment_id, found in of_payment.items():
            still, under_way = self._still(UUID(payment_id), found)
            (audit.under_way if under_way else audit.differing).extend(still)

    def _still(self, payment_id: UUID, found: list[Differing]) -> tuple[list[Differing], bool]:
        """Which of them differ still, and whether a command is open that may write them down."""
        with transaction(self.engine) as connection:
            payment = payments.read(connection, payment_id)
        if payment is None or payment.stripe_payment_intent_id is None:
            return found, False
        picture = self.books.look_at(payment.stripe_payment_intent_id)
        held = in_transaction(self.engine, lambda connection: locked.lock(connection, payment_id))
        if held is None:
            return found, False
        missing = {movement.key for movement in learn_picture(held.payment, picture, heard_in(held)).movements}
        still = [one for one in found if (one.kind, one.proof) in missing or one.ours is not None]
        return still, any(progress.state == "pending" for progress in held.opened)


def _named(sightings: list[Sighting]) -> tuple[set[str], set[UUID]]:
    abouts = [sighting.about for sighting in sightings]
    stripe_ids = {id_ for about in abouts for id_ in (about.intent_id, about.charge_id, about.transfer_id) if id_}
    return stripe_ids, {id_ for about in abouts if (id_ := as_uuid(about.payment_id)) is not None}
