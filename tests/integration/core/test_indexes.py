"""No statement of a command, a webhook or the completer reads a whole table, however small the tables are now.

With sequential scans discouraged, the planner uses one only without a suitable index. So each remaining scan shows a
missing index.
"""

from datetime import timedelta
from uuid import uuid4

import psycopg2
import pytest

from devstack.saga_client import until
from devstack.stripe_simulator.client import SimulatorControl
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.storage import leases, payments
from service.storage.engine import transaction
from tests.support.core import CHALLENGED, RUNNER, Core, running_core

pytestmark = pytest.mark.postgres

_ALTER = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {}', current_database()); END $$"
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_READ_WHOLE = "SELECT relname FROM pg_stat_user_tables WHERE seq_scan > 0 AND relname <> 'alembic_version'"
_USED = "SELECT indexrelname FROM pg_stat_user_indexes WHERE idx_scan > 0"


def _ask(url: str, statement: str) -> list[object]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found = [row[0] for row in cursor.fetchall()] if cursor.description else []
    connection.close()
    return found


@pytest.fixture
def database_without_scans(database_url: str) -> str:
    """A database that avoids sequential scans, with its counts reset."""
    _ask(database_url, _ALTER.format("SET enable_seqscan = off"))
    _ask(database_url, "SELECT pg_stat_reset()")
    return database_url


def _work(core: Core) -> None:
    released, reverted = core.authorize("c-1", "order-1"), core.authorize("c-2", "order-2")
    core.handle(Release("c-release", released, "runner-1", RUNNER))
    core.handle(Revert("c-revert", released, None))
    core.handle(Revert("c-revert-2", reverted, None))
    core.authorize("c-3", "order-3", card=CHALLENGED)
    core.deliver(*core.stripe_events())
    core.settle()
    with transaction(core.database) as connection:
        leases.renew(connection, [uuid4()], timedelta(seconds=1))
        leases.void_dead_leases(connection, released)
        payments.take_stale(connection, 10, timedelta(seconds=1))


def test_no_statement_scans_a_whole_table(database_without_scans: str, simulated_stripe: SimulatorControl) -> None:
    with running_core(database_without_scans, simulated_stripe) as core:
        _work(core)
    # PostgreSQL publishes a session's counts when the session ends.
    until(lambda: _ask(database_without_scans, _OTHERS) == [0] or None, "the end of all sessions")
    assert _ask(database_without_scans, _READ_WHOLE) == []
    assert {"pk_payments", "pk_commands", "ix_commands_due", "ix_payments_held"} <= set(
        _ask(database_without_scans, _USED)
    )
