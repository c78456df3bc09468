"""The payments that the database ties to objects at Stripe."""

from uuid import UUID, uuid4

import pytest

from service.domain.books import Stored
from service.storage import operator_audit as audit
from service.storage.operator_session import reading
from tests.integration.commandline.auditing import Books

pytestmark = pytest.mark.postgres


@pytest.fixture
def paid(books: Books) -> UUID:
    payment = books.core.authorize()
    books.core.release(payment)
    return payment


def stored(books: Books, ids: list[str], named: list[UUID]) -> Stored:
    with reading(books.core.database) as connection:
        return audit.stored(connection, ids, named)


@pytest.mark.parametrize("name", ["stripe_payment_intent_id", "stripe_charge_id", "stripe_transfer_id"])
def test_a_payment_is_known_by_each_id_that_it_stores(books: Books, paid: UUID, name: str) -> None:
    for kind in ("hold", "capture", "transfer"):
        books.forget_movement(kind, paid)
    id_ = books.core.payment(paid)[name]
    assert stored(books, [id_, "ch_strange"], []).by_id == {id_: paid}


def test_a_payment_is_known_by_the_movements_of_its_ledger(books: Books, paid: UUID) -> None:
    charge = books.core.payment(paid)["stripe_charge_id"]
    books.core.sql("UPDATE payments SET stripe_charge_id = NULL")
    assert stored(books, [charge], []).by_id == {charge: paid}


def test_id_in_a_payments_row_takes_precedence_over_a_ledger(books: Books, paid: UUID) -> None:
    other = books.core.authorize("c-other", "order-other")
    charge = books.core.payment(other)["stripe_charge_id"]
    books.core.sql("UPDATE payments SET stripe_charge_id = NULL WHERE payment_id = :p", p=other)
    books.core.sql("UPDATE payments SET stripe_charge_id = :c WHERE payment_id = :p", c=charge, p=paid)
    assert stored(books, [charge], []).by_id == {charge: paid}


def test_named_payments_are_looked_up(books: Books, paid: UUID) -> None:
    assert stored(books, [], [paid, uuid4()]).payments == {paid}


def test_more_ids_than_one_statement_takes_are_looked_up(books: Books, paid: UUID) -> None:
    intent = books.core.intent(paid)
    names = [f"ch_{number}" for number in range(2500)]
    known = stored(books, [*names, intent], [*(uuid4() for _ in range(1500)), paid])
    assert known.by_id == {intent: paid}
    assert known.payments == {paid}
