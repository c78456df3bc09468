"""Prepared statements outside of SQLAlchemy's execution: errors, connections, visible rows."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from service.domain.commands.release import Release
from service.domain.messages import OutgoingMessage
from service.domain.received_records import Arrival
from service.storage import commands, locked, outbox, payments
from service.storage.availability import is_unavailable
from service.storage.engine import transaction
from tests.support.core import RUNNER, Core

pytestmark = pytest.mark.postgres

BLOCKED = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def test_refused_statement_raises_sqlalchemys_error_and_keeps_the_connection(core: Core) -> None:
    message = OutgoingMessage(uuid4(), "events", "key", "news", "{}", [("ce_type", "news")])
    with pytest.raises(IntegrityError, match="uq_outbox_event_id"), transaction(core.database) as connection:
        outbox.append(connection, [message, message])
    with transaction(core.database) as connection:
        outbox.append(connection, [message])
    assert core.sql("SELECT count(*) AS n FROM outbox")[0]["n"] == 1


def test_connection_ended_by_the_server_is_a_passing_fault_and_replaced(core: Core) -> None:
    payment_id = core.authorize()

    def lock_on_an_ended_connection() -> None:
        with transaction(core.database) as connection:
            mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            core.sql("SELECT pg_terminate_backend(:pid)", pid=mine)
            payments.lock(connection, payment_id)

    with pytest.raises(SQLAlchemyError) as caught:
        lock_on_an_ended_connection()
    assert is_unavailable(caught.value)
    with transaction(core.database) as connection:
        assert payments.lock(connection, payment_id) is not None


def test_reader_that_waited_for_the_lock_sees_the_command_accepted_meanwhile(core: Core) -> None:
    payment_id = core.authorize()
    release = Release("c-release", payment_id, "runner-1", RUNNER)

    def opened() -> list[str]:
        with transaction(core.database) as connection:
            found = locked.lock(connection, payment_id)
            return [] if found is None else [progress.command.correlation_id for progress in found.opened]

    with ThreadPoolExecutor(1) as other, transaction(core.database) as connection:
        payments.lock(connection, payment_id)
        waiting = other.submit(opened)
        while not core.sql(BLOCKED)[0]["n"]:
            assert not waiting.done()
        commands.add_open(connection, release, payment_id, Arrival())
        connection.commit()
        assert waiting.result(30) == ["c-release"]
    core.settle()


def test_plan_for_an_empty_table_is_replaced_as_the_table_grows(core: Core) -> None:
    """PostgreSQL keeps a generic plan until it is outdated; the plan for an empty table scans a full one."""
    with transaction(core.database) as connection:
        connection.exec_driver_sql("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        for _ in range(8):  # five custom plans, then the generic one, as an empty table gets it
            payments.lock(connection, uuid4())
        connection.exec_driver_sql("SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on")
        connection.exec_driver_sql(_FILL)
        assert "Seq Scan" in _plan(connection)
        for _ in range(128):
            payments.lock(connection, uuid4())
        assert "Index Scan" in _plan(connection)


_FILL = """
    INSERT INTO payments (payment_id, order_id, customer_id, amount, currency, status, authorize_correlation_id)
    SELECT gen_random_uuid(), n, 'c', 1500, 'sgd', 'INITIATING', n FROM generate_series(1, 2000) n
"""


def _plan(connection: Connection) -> str:
    found = text("SELECT name FROM pg_prepared_statements WHERE statement LIKE :read")
    name = connection.execute(found, {"read": "%FROM payments%"}).scalar_one()
    return "\n".join(connection.exec_driver_sql(f"EXPLAIN EXECUTE {name}('{uuid4()}')").scalars())
