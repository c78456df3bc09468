"""The HTTP interface on a real database."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg2
import pytest
from sqlalchemy import Engine, func, insert, select

from devstack.postgres import Postgres
from service.domain.payment import PaymentStatus
from service.storage.engine import make_engine
from service.storage.models import OutboxRow, Payment, RequestKey
from tests.support.emptying import DELETE_ALL


class Book(NamedTuple):
    """The database, with the writes and reads of tests."""

    engine: Engine

    def pay(self, **changed: Any) -> UUID:
        """A payment's row; authorized, 1000 SGD cents, its own order."""
        payment_id = uuid4()
        status = changed.get("status", PaymentStatus.AUTHORIZED)
        values = {
            "payment_id": payment_id,
            "order_id": f"order-{payment_id}",
            "customer_id": "customer",
            "amount": 1000,
            "currency": "sgd",
            "status": status,
            "authorize_correlation_id": str(payment_id),
            "stripe_payment_intent_id": f"pi_{payment_id.hex}",
            "captured_at": func.now() if status == PaymentStatus.SUCCEEDED else None,
            "failure": {"error": "CARD_DECLINED", "message": "m"} if status == PaymentStatus.FAILED else None,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(Payment).values(**{**values, **changed}))
        return payment_id

    def sent(self) -> list[Any]:
        """The rows of the outbox in order."""
        with self.engine.begin() as connection:
            return list(connection.execute(select(OutboxRow).order_by(OutboxRow.position)))

    def keys(self) -> set[str]:
        """The stored idempotency keys."""
        with self.engine.begin() as connection:
            return set(connection.execute(select(RequestKey.idempotency_key)).scalars())

    def wait_for_a_lock(self, unless: Callable[[], bool] = lambda: False) -> None:
        """Wait until a session of this database waits for a lock. Fails when none does, or ``unless`` is true first."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        for _ in range(10_000):
            with self.engine.connect() as connection:
                if connection.exec_driver_sql(query).scalar_one():
                    return
            if unless():
                break
        pytest.fail("nobody waits for a lock")

    def keep_key(self, name: str, created_at: datetime) -> None:
        """Store a key of an earlier day."""
        with self.engine.begin() as connection:
            connection.execute(
                insert(RequestKey).values(
                    route="revert_payment",
                    payment_id=uuid4(),
                    idempotency_key=name,
                    fingerprint=b"f",
                    correlation_id="c",
                    created_at=created_at,
                )
            )


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    engine = make_engine(database_url, 20)
    yield Book(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def database_of_module(postgres_server: Postgres, migrated_template: str) -> Iterator[str]:
    """One migrated database for a module whose tests share a server, because each start takes a second of processor
    time."""
    name = f"test_api_{secrets.token_hex(6)}"
    yield postgres_server.databases.create(name, template=migrated_template)
    postgres_server.databases.drop(name)


@pytest.fixture
def emptied_database(database_of_module: str) -> str:
    """The module's database without the rows of earlier tests."""
    with closing(psycopg2.connect(database_of_module)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(DELETE_ALL)
    return database_of_module
