"""The classification of database errors, and the faults that readiness reports."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from devstack.ports import free_port
from service.storage import schema_state
from service.storage.availability import described, is_refused, is_unavailable
from service.storage.engine import make_engine
from service.storage.health import unready
from service.storage.readiness import DatabaseReadiness
from tests.integration.api.conftest import Book

pytestmark = pytest.mark.postgres


def _error(book: Book, work: Callable[[Connection], object]) -> SQLAlchemyError:
    with pytest.raises(SQLAlchemyError) as caught, book.engine.begin() as connection:
        work(connection)
    return caught.value


def _sql(*statements: str) -> Callable[[Connection], object]:
    return lambda connection: [connection.execute(text(statement)) for statement in statements]


@pytest.mark.parametrize(
    "statements",
    [
        ["SET LOCAL statement_timeout = 1", "SELECT pg_sleep(60)"],
        ["SELECT pg_terminate_backend(pg_backend_pid())"],
        ["SET TRANSACTION READ ONLY", "CREATE TABLE t ()"],
        ["DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'idle_in_transaction_session_timeout'; END $$"],
        ["DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '25P04'; END $$"],  # transaction_timeout, since PostgreSQL 17
        ["SELECT * FROM not_migrated_yet"],
        ["SELECT not_migrated_yet FROM payments"],
    ],
)
def test_passing_fault_of_the_database_counts_as_unavailable(book: Book, statements: list[str]) -> None:
    assert is_unavailable(_error(book, _sql(*statements)))


@pytest.mark.parametrize("statement", ["SELECT 1/0", "INSERT INTO request_keys (route) VALUES (NULL)", "SELEC 1"])
def test_faulty_statement_does_not_count_as_unavailable(book: Book, statement: str) -> None:
    assert not is_unavailable(_error(book, _sql(statement)))


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("SELECT 1/0", True),
        ("INSERT INTO payment_transitions (payment_id, to_status, cause) VALUES (gen_random_uuid(), 's', 'c')", True),
        ("DO $$ BEGIN RAISE EXCEPTION 'by a trigger'; END $$", True),
        ("INSERT INTO request_keys (route) VALUES (NULL)", False),
        ("SELEC 1", False),
        ("SELECT not_migrated_yet FROM payments", False),
        ("SET LOCAL ROLE pg_monitor; SELECT * FROM payments", False),
    ],
)
def test_refusal_of_values_is_distinguished_from_other_errors(book: Book, statement: str, refused: bool) -> None:
    assert is_refused(_error(book, _sql(statement))) is refused


def test_an_error_is_described_without_the_values_of_its_row(book: Book) -> None:
    secret = f"order-{uuid4()}"
    book.pay(order_id=secret)
    with pytest.raises(SQLAlchemyError) as caught:
        book.pay(order_id=secret)
    assert secret in str(caught.value)
    assert described(caught.value) == "UniqueViolation 23505 payments uq_payments_live_order"


def test_timeout_of_a_row_lock_is_a_passing_fault(book: Book) -> None:
    book.pay()
    lock = "SELECT 1 FROM payments FOR UPDATE"
    with book.engine.begin() as holder:
        holder.execute(text(lock))
        assert is_unavailable(_error(book, _sql("SET LOCAL lock_timeout = 1", lock)))


def test_exhausted_pool_is_a_passing_fault(database_url: str) -> None:
    engine = create_engine(
        database_url.replace("postgresql://", "postgresql+psycopg2://", 1),
        pool_size=1,
        max_overflow=0,
        pool_timeout=0.01,
    )
    with engine.connect(), pytest.raises(SQLAlchemyError) as caught:
        engine.connect()
    engine.dispose()
    assert is_unavailable(caught.value)


def test_server_is_ready_with_the_newest_schema(book: Book, database_url: str) -> None:
    assert unready(book.engine) is None
    assert DatabaseReadiness(database_url).fault() is None


def test_readiness_names_the_schema_of_an_empty_database(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url, 1)
    fault = unready(engine)
    engine.dispose()
    assert fault is not None
    assert fault.part == "schema"
    assert schema_state.head() in fault.message


def test_readiness_names_an_unreachable_database() -> None:
    readiness = DatabaseReadiness(f"postgresql://u:hunter2@127.0.0.1:{free_port()}/none")
    fault, line = readiness.unready(), readiness.fault()
    assert fault is not None
    assert line is not None
    assert fault.part == "database"
    assert line == f"database: {fault.message}"
    assert "hunter2" not in line
