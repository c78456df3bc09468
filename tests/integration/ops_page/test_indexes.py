"""No view reads a whole table that grows with payments, and long lists come page by page."""

import re
from collections.abc import Iterator
from uuid import uuid4

import psycopg2
import pytest
from flask.testing import FlaskClient

from devstack.saga_client import until
from service.domain.payment import PaymentStatus
from service.storage.engine import make_engine
from service.usecases.operations.desk import Desk
from tests.integration.api.conftest import Book
from tests.integration.ops_page.conftest import TOKEN, page_of

pytestmark = pytest.mark.postgres

_GROWING = ("payments", "commands", "outbox", "movements", "payment_transitions", "stripe_events")
_READ_WHOLE = "SELECT relname FROM pg_stat_user_tables WHERE seq_scan > 0 AND relname = ANY(%s) ORDER BY relname"
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def _ask(url: str, statement: str, *values: object) -> list[object]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        found = [row[0] for row in cursor.fetchall()] if cursor.description else []
    connection.close()
    return found


def _end_sessions(url: str, book: Book) -> None:
    """PostgreSQL publishes a session's counts when the session ends."""
    book.engine.dispose()
    until(lambda: _ask(url, _OTHERS) == [0] or None, "the end of all sessions")


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    engine = make_engine(database_url, 2)
    yield Book(engine)
    engine.dispose()


@pytest.fixture
def operator(book: Book) -> FlaskClient:
    client = page_of(book.engine, Desk(book.engine, book.engine)).test_client()
    client.post("/ops/login", data={"token": TOKEN})
    return client


def test_no_view_reads_a_whole_table(database_url: str, book: Book, operator: FlaskClient) -> None:
    payment = book.pay()
    with book.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO commands (correlation_id, command_type, fingerprint, payload, payment_id, state, "
            "recovery_point, next_attempt_at) "
            f"VALUES ('c', 'release_payment', sha256('c'), '{{}}', '{payment}', 'pending', 'accepted', now())"
        )
        connection.exec_driver_sql(
            "INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline) VALUES ('relay', 0, 1, 1)"
        )
    _end_sessions(database_url, book)
    _ask(database_url, "SELECT pg_stat_reset()")
    for path in (
        *("/ops", "/ops/relay", f"/ops/payments/{payment}", "/ops/payments", "/ops/commands?fault=yes&older=1s"),
        *("/ops/payments?status=AUTHORIZED&older=6d&order=oldest", "/ops/payments?customer=customer"),
        *("/ops/payments?runner=runner", "/ops/dead-letters", "/ops/actions", "/ops/owed", "/ops/search?q=pi_1"),
        *(f"/ops/search?q={uuid4()}", "/ops/search?q=customer", "/ops/command?id=c&type=release_payment"),
    ):
        assert operator.get(path, follow_redirects=True).status_code == 200
    _end_sessions(database_url, book)
    assert _ask(database_url, _READ_WHOLE, list(_GROWING)) == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_have_each_payment_once(book: Book, operator: FlaskClient, order: str) -> None:
    statuses = [PaymentStatus.AUTHORIZED, PaymentStatus.FAILED]
    made = {str(book.pay(status=statuses[n % 2], created_at=f"2026-01-01T00:00:{n // 4:02}Z")) for n in range(120)}
    seen: list[str] = []
    path: str | None = f"/ops/payments?order={order}"
    while path is not None:
        page = operator.get(path).text
        seen += re.findall(r'href="/ops/payments/([0-9a-f-]{36})"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else None
    assert (len(seen), set(seen)) == (120, made)
