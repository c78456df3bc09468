"""Reads: the right rows, by index, and no transaction about them."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from service.domain.status import PaymentStatus
from service.storage.reads import CurrencyTotals, Reads
from tests.integration.api.conftest import Book

pytestmark = pytest.mark.postgres


def test_latest_attempt_of_an_order(book: Book) -> None:
    days = {day: datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)}
    book.pay(order_id="o/1", status=PaymentStatus.FAILED, created_at=days[2])
    latest = book.pay(order_id="o/1", status=PaymentStatus.AUTHORIZED, created_at=days[3])
    book.pay(order_id="o/1", status=PaymentStatus.REVERTED, created_at=days[1])
    book.pay(order_id="o/2")
    found = Reads(book.engine).latest_of_order("o/1")
    assert found is not None
    assert (found.payment_id, found.status, found.created_at) == (latest, PaymentStatus.AUTHORIZED, days[3])


def test_payment_by_id(book: Book) -> None:
    failed = book.pay(status=PaymentStatus.FAILED)
    found = Reads(book.engine).by_id(failed)
    assert found is not None
    assert (found.payment_id, found.failure) == (failed, {"error": "CARD_DECLINED", "message": "m"})


def test_what_is_not_there_is_none(book: Book) -> None:
    reads = Reads(book.engine)
    assert reads.latest_of_order("o") is None
    assert reads.by_id(uuid4()) is None
    assert reads.history_of("u") == []


def test_history_counts_what_the_contract_counts(book: Book) -> None:
    for number, status in enumerate(PaymentStatus):
        amount = 10**number
        book.pay(customer_id="u", status=status, amount=amount)
        book.pay(customer_id="other", runner_id="u", status=status, amount=amount * 2)
    held, taken = (
        10 ** list(PaymentStatus).index(PaymentStatus.AUTHORIZED),
        10 ** list(PaymentStatus).index(PaymentStatus.SUCCEEDED),
    )
    assert Reads(book.engine).history_of("u") == [CurrencyTotals("sgd", held + taken, 2 * taken, 2, 1)]


def test_history_keeps_currencies_apart(book: Book) -> None:
    for currency, amount in (("usd", 5), ("sgd", 7), ("usd", 11)):
        book.pay(customer_id="u", currency=currency, amount=amount)
    book.pay(customer_id="u", runner_id="u", currency="usd", amount=100, status=PaymentStatus.SUCCEEDED)
    assert Reads(book.engine).history_of("u") == [
        CurrencyTotals("sgd", 7, 0, 1, 0),
        CurrencyTotals("usd", 116, 100, 3, 1),
    ]


def test_sums_beyond_a_bigint_hold(book: Book) -> None:
    for _ in range(2):
        book.pay(customer_id="u", amount=2**63 - 1)
    assert Reads(book.engine).history_of("u")[0].spent == 2**64 - 2


@pytest.mark.parametrize("name", ["latest_of_order", "history_of"])
def test_read_is_one_statement_outside_any_transaction(book: Book, name: str) -> None:
    book.pay(order_id="u", customer_id="u")
    statements: list[tuple[str, bool]] = []

    @event.listens_for(book.engine, "before_cursor_execute")
    def _note(connection: object, cursor: object, statement: str, *_: object) -> None:
        statements.append((statement, cursor.connection.autocommit))  # type: ignore[attr-defined]

    getattr(Reads(book.engine), name)("u")
    ((statement, autocommit),) = statements
    assert statement.startswith("SELECT")
    assert autocommit


def test_connection_goes_back_as_it_came(book: Book) -> None:
    reads = Reads(book.engine)
    reads.latest_of_order("o")
    with pytest.raises(ValueError, match="NUL"):
        reads.latest_of_order("a\0b")
    with book.engine.connect() as connection:
        connection.execute(text("CREATE TABLE never ()"))
        connection.rollback()
        assert connection.execute(text("SELECT to_regclass('never')")).scalar_one() is None


def test_reads_go_by_index(book: Book) -> None:
    statements: list[tuple[str, object]] = []

    @event.listens_for(book.engine, "before_cursor_execute")
    def _note(connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        statements.append((statement, parameters))

    reads = Reads(book.engine)
    reads.latest_of_order("u")
    reads.by_id(uuid4())
    reads.history_of("u")
    plans = []
    with book.engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in statements[:3]:
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)  # type: ignore[arg-type]
            plans.append("\n".join(line for (line,) in rows))
    assert "ix_payments_order_id_created_at" in plans[0]
    assert "Sort" not in plans[0]
    assert "pk_payments" in plans[1]
    assert {"ix_payments_customer_id", "ix_payments_runner_id"} <= {
        word for word in plans[2].split() if word.startswith("ix_")
    }
