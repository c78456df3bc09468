"""Reads return the right rows, by index, without a transaction."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import Engine, text

from service.domain.payment import PaymentStatus
from service.storage import reads
from service.storage.availability import is_unavailable
from service.storage.engine import make_engine
from service.storage.prepared import Prepared
from service.storage.reads import CurrencyTotals, Reads
from tests.integration.api.conftest import Book

pytestmark = pytest.mark.postgres


def test_newest_payment_of_an_order_is_returned(book: Book) -> None:
    days = {day: datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)}
    book.pay(order_id="o/1", status=PaymentStatus.FAILED, created_at=days[2])
    latest = book.pay(order_id="o/1", status=PaymentStatus.AUTHORIZED, created_at=days[3])
    book.pay(order_id="o/1", status=PaymentStatus.REVERTED, created_at=days[1])
    book.pay(order_id="o/2")
    found = Reads(book.engine).latest_of_order("o/1")
    assert found is not None
    assert (found.payment_id, found.status, found.created_at) == (latest, PaymentStatus.AUTHORIZED, days[3])


def test_payment_is_found_by_its_id(book: Book) -> None:
    failed = book.pay(status=PaymentStatus.FAILED)
    found = Reads(book.engine).by_id(failed)
    assert found is not None
    assert (found.payment_id, found.failure) == (failed, {"error": "CARD_DECLINED", "message": "m"})


def test_missing_payment_is_none(book: Book) -> None:
    found = Reads(book.engine)
    assert found.latest_of_order("o") is None
    assert found.by_id(uuid4()) is None
    assert found.history_of("u") == []


def test_history_counts_as_the_contract_says(book: Book) -> None:
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


def test_sums_may_exceed_a_bigint(book: Book) -> None:
    for _ in range(2):
        book.pay(customer_id="u", amount=2**63 - 1)
    assert Reads(book.engine).history_of("u")[0].spent == 2**64 - 2


@pytest.mark.parametrize(("name", "read"), [("latest_of_order", reads.LATEST_OF_ORDER), ("history_of", reads.HISTORY)])
def test_read_is_one_statement_outside_any_transaction(
    database_url: str, book: Book, name: str, read: Prepared
) -> None:
    """The connection is idle afterwards, and its last statement is the read, not ROLLBACK."""
    engine = make_engine(database_url, 1)
    getattr(Reads(engine), name)("u")
    query = "SELECT state, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with book.engine.connect() as connection:
        ((state, last),) = connection.exec_driver_sql(query).all()
    engine.dispose()
    assert state == "idle"
    assert last.startswith(f"EXECUTE {read.name}(")
    assert "payments" in read.definition


def _assert_transactional(engine: Engine) -> None:
    """Checks that a connection is not in autocommit mode, in which it would commit a rolled back transaction."""
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE never ()"))
        connection.rollback()
        assert connection.execute(text("SELECT to_regclass('never')")).scalar_one() is None


def test_connection_is_transactional_again_after_a_read(database_url: str) -> None:
    engine = make_engine(database_url, 1)
    Reads(engine).latest_of_order("o")
    _assert_transactional(engine)
    engine.dispose()


@pytest.mark.parametrize("disturbance", ["SELECT pg_terminate_backend(:pid)", "SELECT pg_cancel_backend(:pid)"])
def test_connection_that_failed_is_replaced(database_url: str, book: Book, disturbance: str) -> None:
    engine = make_engine(database_url, 1)
    sut = Reads(engine)
    sut.latest_of_order("o")
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with book.engine.connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(text("LOCK TABLE payments"))
        failing = pool.submit(sut.latest_of_order, "o")
        with book.engine.connect() as other:
            other.execution_options(isolation_level="AUTOCOMMIT")
            while (pid := other.exec_driver_sql(waiting).scalar()) is None:
                assert not failing.done()
            other.execute(text(disturbance), {"pid": pid})
        with pytest.raises(psycopg2.OperationalError) as caught:
            failing.result(30)
        holder.rollback()
    assert is_unavailable(caught.value)
    _assert_transactional(engine)
    assert sut.latest_of_order("o") is None
    engine.dispose()


def test_unsendable_value_does_not_cost_a_connection(database_url: str) -> None:
    engine = make_engine(database_url, 1)
    for _ in range(3):
        with pytest.raises(ValueError, match="NUL"):
            Reads(engine).latest_of_order("a\0b")
        _assert_transactional(engine)
    assert Reads(engine).latest_of_order("a") is None
    engine.dispose()


_MANY = """
    INSERT INTO payments (payment_id, order_id, customer_id, runner_id, amount, currency, status,
        authorize_correlation_id)
    SELECT gen_random_uuid(), 'many-' || n, 'customer-' || n % 50, 'runner-' || n % 50, 1000, 'sgd', 'INITIATING',
        'many-' || n
    FROM generate_series(1, 2000) AS n
"""


@pytest.mark.parametrize("plan_cache_mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    ("read", "indexes"),
    [
        (reads.LATEST_OF_ORDER, {"ix_payments_order_id_created_at"}),
        (reads.BY_ID, {"pk_payments"}),
        (reads.HISTORY, {"ix_payments_customer_id", "ix_payments_runner_id"}),
    ],
)
def test_reads_use_an_index(book: Book, read: Prepared, indexes: set[str], plan_cache_mode: str) -> None:
    with book.engine.begin() as connection:
        # In a small table any index is as good as another.
        connection.execute(text(_MANY))
        connection.execute(text("ANALYZE payments"))
        connection.execute(text(f"SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = {plan_cache_mode}"))
        connection.exec_driver_sql(read.definition)
        values = tuple(read.bound({"id": uuid4()}))
        plan = "\n".join(line for (line,) in connection.exec_driver_sql(f"EXPLAIN {read.text}", values))
    assert indexes <= set(plan.split())
    assert "Seq Scan" not in plan
    assert "Sort" not in plan or read is reads.HISTORY
