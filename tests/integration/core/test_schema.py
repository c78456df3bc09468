"""The schema: migrations up and down, alike to the models, and constraints that hold without the code."""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import product

import psycopg2
import pytest
from psycopg2.errors import CheckViolation, UniqueViolation
from sqlalchemy.exc import DBAPIError

from service.domain.status import PaymentStatus, may_become
from service.storage import migrate
from service.storage.engine import connect_for_migration
from service.storage.models import Base
from tests.support.core import Core

CATALOG = """
SELECT 'table ' || relname AS thing FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
    || coalesce(column_default, '-') || ' ' || is_identity || is_generated || ' ' || coalesce(collation_name, '-')
    FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'options ' || relname || ' ' || array_to_string(reloptions, ',') FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
"""


def _catalog(url: str) -> set[str]:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(CATALOG)
        things = {str(row[0]) for row in cursor}
    connection.close()
    return things


class TestMigrations:
    def test_models_and_migrations_make_one_schema(self, database_url: str, empty_database_url: str) -> None:
        """Compared in the catalog: Alembic's own comparison sees no check constraint and no storage option."""
        with connect_for_migration(empty_database_url) as connection:
            Base.metadata.create_all(connection)
            connection.commit()
        of_models = _catalog(empty_database_url)
        only_migrated = {t for t in _catalog(database_url) - of_models if "alembic_version" not in t}
        assert {re.split(r"[ (]", thing)[0] for thing in only_migrated} == {"function", "trigger"}
        assert of_models - _catalog(database_url) == set()

    def test_down_and_up_again(self, empty_database_url: str) -> None:
        migrate.upgrade(empty_database_url)
        first = _catalog(empty_database_url)
        assert migrate.current(empty_database_url).at_head
        migrate.downgrade(empty_database_url, "base")
        assert {thing for thing in _catalog(empty_database_url) if "alembic_version" not in thing} == set()
        assert migrate.current(empty_database_url).current is None
        migrate.upgrade(empty_database_url)
        assert _catalog(empty_database_url) == first

    def test_two_starts_at_once(self, empty_database_url: str) -> None:
        program = "import sys; from service.storage import migrate; migrate.upgrade(sys.argv[1])"
        started = [subprocess.Popen([sys.executable, "-c", program, empty_database_url]) for _ in range(2)]
        assert [process.wait() for process in started] == [0, 0]
        assert migrate.current(empty_database_url).at_head

    def test_gives_up_rather_than_queue_behind_a_lock(self, database_url: str) -> None:
        holder = psycopg2.connect(database_url)
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE payments, commands IN ACCESS SHARE MODE")
            with pytest.raises(DBAPIError, match="lock timeout"):
                migrate.downgrade(database_url, "base")
            holder.rollback()
        holder.close()
        assert migrate.current(database_url).at_head, "nothing is half done"
        migrate.downgrade(database_url, "base")


@pytest.fixture
def cursor(emptied_database: str) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(emptied_database)
    with connection.cursor() as opened:
        yield opened
    connection.rollback()
    connection.close()


def _insert(cursor: psycopg2.extensions.cursor, status: str, order: str = "order-1") -> None:
    cursor.execute(
        "INSERT INTO payments (payment_id, order_id, customer_id, amount, currency, status, captured_at, failure, "
        "authorize_correlation_id, stripe_payment_intent_id) "
        "VALUES (gen_random_uuid(), %s, 'c', 1, 'sgd', %s, now(), '{}', 'c', 'pi_' || gen_random_uuid())",
        (order, status),
    )


class TestTheDatabaseRefuses:
    @pytest.mark.parametrize("old", PaymentStatus)
    def test_what_the_transition_table_does_not_allow(
        self, cursor: psycopg2.extensions.cursor, old: PaymentStatus
    ) -> None:
        for new in PaymentStatus:
            cursor.execute("SAVEPOINT before")
            _insert(cursor, old)
            if old is new or may_become(old, new):
                cursor.execute("UPDATE payments SET status = %s", (new.value,))
            else:
                with pytest.raises(CheckViolation, match=f"{old} may not become {new}"):
                    cursor.execute("UPDATE payments SET status = %s", (new.value,))
            cursor.execute("ROLLBACK TO before")

    @pytest.mark.parametrize(("first", "second"), list(product(PaymentStatus, PaymentStatus)))
    def test_a_second_live_payment_of_an_order(
        self, cursor: psycopg2.extensions.cursor, first: PaymentStatus, second: PaymentStatus
    ) -> None:
        ended = {PaymentStatus.FAILED, PaymentStatus.REVERTED}
        _insert(cursor, first)
        if ended & {first, second}:
            _insert(cursor, second)
            return
        with pytest.raises(UniqueViolation, match="uq_payments_live_order"):
            _insert(cursor, second)

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE outbox SET type = 'x'", "UPDATE outbox SET replayed = true", "UPDATE outbox SET position = DEFAULT"],
    )
    def test_any_update_of_the_outbox(self, core: Core, statement: str) -> None:
        core.authorize()
        with pytest.raises(DBAPIError, match="append-only"):
            core.sql(statement)

    def test_a_second_outcome_of_one_command_and_a_second_event_at_one_place(self, core: Core) -> None:
        core.authorize()
        copy = (
            "INSERT INTO outbox (event_id, topic, key, type, sequence, value, headers) SELECT {}, topic, key, type, {}"
        )
        for event_id, sequence in (("event_id", "sequence + 1"), ("gen_random_uuid()", "sequence")):
            with pytest.raises(DBAPIError, match="UniqueViolation"):
                core.sql(copy.format(event_id, sequence) + ", value, headers FROM outbox")

    def test_two_leases_of_one_payment(self, core: Core) -> None:
        payment = core.authorize()
        core.release(payment)
        with pytest.raises(DBAPIError, match="uq_commands_leased_payment"):
            core.sql(
                "UPDATE commands SET state = 'pending', lease_token = gen_random_uuid(), lease_expires_at = now(), "
                "completed_at = NULL, outcome = NULL, next_attempt_at = now()"
            )
