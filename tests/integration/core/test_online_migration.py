"""Migrations of a large database in use: they name the rows in their way, and writers never wait long."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg2
import pytest
from click.testing import CliRunner, Result

from commandline.main import cli
from service.domain.commands.cancel_hold import CancelHold
from service.domain.commands.catalog import content_of
from service.domain.commands.command import fingerprint
from service.storage import migrate
from tests.integration.relay.writers import execute, session

PAYMENT = "00000000-0000-0000-0000-000000000001"
OTHER = "00000000-0000-0000-0000-000000000002"

TWICE = "UPDATE payments SET captured_at = now(), stripe_transfer_id = 'tr_2' WHERE order_id = 'order-1'"
ONCE = "UPDATE payments SET stripe_transfer_id = NULL WHERE order_id = 'order-1'"
BAD_ROW = (
    "INSERT INTO outbox (event_id, topic, key, type, value, headers) "
    "VALUES (gen_random_uuid(), 't', 'k', 'x', '', '{}')"
)


@pytest.fixture
def old_database(empty_database_url: str) -> Iterator[str]:
    """A database as the release before this schema left it: one failed payment, one paid payment."""
    migrate.upgrade(empty_database_url, "0003")
    execute(
        empty_database_url,
        "INSERT INTO payments (payment_id, order_id, customer_id, amount, currency, status, failure, "
        "authorize_correlation_id, stripe_payment_intent_id, stripe_transfer_id, captured_at) VALUES "
        "(%s, 'order-1', 'c', 1, 'sgd', 'FAILED', '{}', 'c-1', 'pi_1', NULL, NULL), "
        "(%s, 'order-2', 'c', 1, 'sgd', 'SUCCEEDED', NULL, 'c-2', 'pi_2', 'tr_2', now())",
        PAYMENT,
        OTHER,
    )
    yield empty_database_url
    assert migrate.current(empty_database_url).at_head


def _upgrade(database_url: str) -> Result:
    return CliRunner(env={"DATABASE_URL": database_url}).invoke(cli, ["db", "upgrade"], prog_name="cli.py")


def test_two_payments_with_one_transfer_are_named(old_database: str) -> None:
    execute(old_database, TWICE)
    refused = _upgrade(old_database)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1), refused.stderr
    for said in ("uq_payments_stripe_transfer_id", PAYMENT, OTHER, "runbook"):
        assert said in refused.stderr
    execute(old_database, ONCE)
    assert _upgrade(old_database).exit_code == 0


def test_row_that_breaks_a_constraint_is_named_and_no_further_one_is_accepted(old_database: str) -> None:
    execute(old_database, BAD_ROW)
    refused = _upgrade(old_database)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1), refused.stderr
    assert "ck_outbox_headers_are_list: outbox 1." in refused.stderr
    with pytest.raises(psycopg2.errors.CheckViolation):
        execute(old_database, BAD_ROW)
    with session(old_database) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; DELETE FROM outbox")
        connection.commit()
    assert _upgrade(old_database).exit_code == 0


def test_index_after_an_interrupted_build_is_rebuilt(old_database: str) -> None:
    execute(old_database, TWICE)
    with session(old_database) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        with pytest.raises(psycopg2.errors.UniqueViolation):
            cursor.execute(
                "CREATE UNIQUE INDEX CONCURRENTLY uq_payments_stripe_transfer_id ON payments (stripe_transfer_id)"
            )
    execute(old_database, ONCE)
    assert _upgrade(old_database).exit_code == 0
    assert execute(old_database, "SELECT 1 FROM pg_index WHERE NOT indisvalid") == []


def test_command_key_taken_by_a_forged_record_is_freed(old_database: str) -> None:
    """The command that could not be stored under this key is stored now, so the failed payment holds no money."""
    execute(
        old_database,
        "INSERT INTO commands (correlation_id, command_type, fingerprint, payload, state, recovery_point, "
        "next_attempt_at) VALUES ('pi_1', 'cancel_hold', sha256(''), '{}', 'pending', 'accepted', now())",
    )
    assert _upgrade(old_database).exit_code == 0
    found = execute(
        old_database,
        "SELECT command_type, state, payload, payment_id::text, fingerprint FROM commands ORDER BY command_type",
    )
    own, forged = found
    assert own[:4] == ("cancel_hold", "pending", {"payment_id": PAYMENT}, PAYMENT)
    command = CancelHold("pi_1", payment_id=UUID(PAYMENT))
    assert bytes(own[4]) == fingerprint(content_of(command))  # type: ignore[call-overload]
    assert forged[:2] == ("outside:cancel_hold", "done")


def test_writers_go_on_while_the_migration_waits_for_its_lock(old_database: str) -> None:
    with session(old_database) as reader, reader.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("LOCK TABLE payments IN ACCESS SHARE MODE")
        migrating = pool.submit(_upgrade, old_database)
        _until_somebody_waits(old_database)
        execute(old_database, "SET lock_timeout = '20s'; UPDATE payments SET description = 'written meanwhile'")
        assert not migrating.done()
        reader.commit()
        assert migrating.result(60).exit_code == 0


def _until_somebody_waits(database_url: str) -> None:
    query = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'payments'::regclass"
    for _ in range(100_000):
        if execute(database_url, query):
            return
    pytest.fail("the migration waits for no lock")
