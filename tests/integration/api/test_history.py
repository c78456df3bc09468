"""A user's totals by currency: spent and earned amounts without returned money."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert

from service.domain.payment import PaymentStatus
from service.storage.models import Movement
from service.storage.reads import CurrencyTotals, Reads
from tests.integration.api.conftest import Book

pytestmark = pytest.mark.postgres

_PROOFS = {"hold": "ch", "hold_gone": "ch", "capture": "ch", "transfer": "tr", "reversal": "trr"}
_RELEASED: dict[str, Any] = {
    "customer_id": "c",
    "runner_id": "r",
    "status": PaymentStatus.SUCCEEDED,
    "stripe_transfer_id": "tr_ours",
}


def _pay(book: Book, moved: str, currency: str = "sgd", **changed: Any) -> None:
    """A payment of 1000 with movements: ``hold 1000, capture 1000``; ``currency`` is that of its transfers."""
    payment_id = book.pay(**changed)
    charge = uuid4().hex
    with book.engine.begin() as connection:
        for kind, amount in (each.split() for each in moved.split(", ")):
            prefix = _PROOFS.get(kind, "re" if kind.startswith("refund") else "du")
            row = {
                "kind": kind,
                "proof": f"{prefix}_{charge if prefix == 'ch' else uuid4().hex}",
                "payment_id": payment_id,
                "amount": int(amount),
                "currency": currency if prefix in {"tr", "trr"} else "sgd",
                "by_us": True,
                "cause": "test",
                "happened_at": "2026-01-01T00:00:00Z",
            }
            connection.execute(insert(Movement).values(row))


def _totals(book: Book, user: str) -> list[CurrencyTotals]:
    return Reads(book.engine).history_of(user)


@pytest.mark.parametrize(
    ("moved", "spent"),
    [
        ("hold 1000", 1000),
        ("hold 1000, capture 1000", 1000),
        ("hold 1000, capture 1000, refund 300", 700),
        ("hold 1000, capture 1000, refund 300, refund_failed 300", 1000),
        ("hold 1000, capture 1000, dispute_opened 400", 1000),
        ("hold 1000, capture 1000, dispute_opened 400, dispute_withdrawn 400", 600),
        ("hold 1000, capture 1000, refund 300, dispute_opened 1000, dispute_withdrawn 1000", 0),
        ("hold 1000, capture 600, hold_gone 400", 600),
        ("hold 1000, capture 600, hold_gone 400, refund 100", 500),
    ],
)
def test_spent_amount_excludes_returned_money(book: Book, moved: str, spent: int) -> None:
    _pay(book, moved, customer_id="c")
    assert _totals(book, "c") == [CurrencyTotals("sgd", spent, 0, 1, 0)]


def test_reverted_payment_counts_as_not_spent(book: Book) -> None:
    _pay(book, "hold 1000, capture 1000, refund 300", customer_id="c", status=PaymentStatus.REVERTED)
    assert _totals(book, "c") == []


@pytest.mark.parametrize(
    ("moved", "earned"),
    [
        ("transfer 1000", 1000),
        ("transfer 1000, reversal 250", 750),
        ("transfer 1000, reversal 1000", 0),
        ("transfer 500, transfer 1000", 1000),
        ("transfer 1000, reversal 1000, transfer 1000", 1000),
        ("transfer 1000, reversal 1000, transfer 1000, reversal 100", 900),
    ],
)
def test_earned_amount_is_the_transfer_without_its_reversals(book: Book, moved: str, earned: int) -> None:
    _pay(book, moved, **_RELEASED, transfer_amount=1000, transfer_currency="sgd")
    assert _totals(book, "r") == [CurrencyTotals("sgd", 0, earned, 0, 1)]


def test_transfer_of_another_program_does_not_replace_a_reversed_transfer(book: Book) -> None:
    facts = {"transfer_amount": 1000, "transfer_currency": "sgd", "stripe_reversal_id": "trr_all"}
    _pay(book, "transfer 1000, transfer 400, reversal 1000", **{**_RELEASED, **facts})
    assert _totals(book, "r") == [CurrencyTotals("sgd", 0, 0, 0, 1)]


def test_transfer_of_another_program_earns_nothing(book: Book) -> None:
    _pay(book, "transfer 400", **{**_RELEASED, "stripe_transfer_id": None})
    assert _totals(book, "r") == [CurrencyTotals("sgd", 0, 0, 0, 1)]


def test_earned_amount_is_in_the_currency_of_the_transfer(book: Book) -> None:
    facts = {"customer_id": "r", "transfer_amount": 680, "transfer_currency": "eur"}
    _pay(book, "transfer 680, reversal 80", "eur", **{**_RELEASED, **facts})
    assert _totals(book, "r") == [CurrencyTotals("eur", 0, 600, 0, 1), CurrencyTotals("sgd", 1000, 0, 1, 0)]


def test_payments_older_than_the_ledger_are_counted_by_their_facts(book: Book) -> None:
    book.pay(**_RELEASED)
    book.pay(**{**_RELEASED, "stripe_transfer_id": "tr_2"}, transfer_amount=700, transfer_currency="usd")
    assert _totals(book, "c") == [CurrencyTotals("sgd", 2000, 0, 2, 0)]
    assert _totals(book, "r") == [CurrencyTotals("sgd", 0, 1000, 0, 1), CurrencyTotals("usd", 0, 700, 0, 1)]
