"""Waits for the database are bounded, and delay no other work."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import psycopg2
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from devstack.saga_client import until
from devstack.stripe_simulator.client import SimulatorControl
from devstack.tcp_proxy import TcpProxy
from service.domain.commands.command import CommandKey
from service.domain.messages import outcome_id
from service.storage import leases
from service.storage.availability import is_unavailable
from service.storage.engine import Waits, in_transaction, make_engine, transaction
from service.storage.readiness import DatabaseReadiness
from tests.integration.core.hooked_gateway import HookedGateway, die, killed
from tests.support.core import Core, running_core

pytestmark = pytest.mark.postgres

ENDED_SECONDS = 30
"""Far more than a connection is allowed; without its end, a thread would wait for ever."""


@pytest.fixture
def network(emptied_database: str) -> Iterator[TcpProxy]:
    with TcpProxy(int(psycopg2.extensions.parse_dsn(emptied_database)["port"])) as proxy:
        yield proxy


def test_connection_to_a_server_that_never_answers_is_ended(emptied_database: str, network: TcpProxy) -> None:
    engine = make_engine(network.through(emptied_database), 1, Waits(answer_seconds=1.0))

    def ask() -> object:
        return in_transaction(engine, lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())

    assert ask() == 1
    network.hold()
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(ask)
        try:
            error = asked.exception(ENDED_SECONDS)
        finally:
            network.mend()
    assert isinstance(error, OperationalError)
    assert is_unavailable(error)
    assert ask() == 1
    engine.dispose()


@pytest.mark.parametrize("failure", [TcpProxy.hold, TcpProxy.lose_packets])
def test_readiness_does_not_wait_for_a_silent_database(
    emptied_database: str, network: TcpProxy, failure: Callable[[TcpProxy], None]
) -> None:
    readiness = DatabaseReadiness(network.through(emptied_database))
    assert readiness.unready() is None
    failure(network)
    for _ in range(2):
        asked = time.monotonic()
        found = readiness.unready()
        assert time.monotonic() - asked < 5
        assert found is not None
        assert found.part == "database"
    network.mend()
    until(lambda: readiness.unready() is None, "the database is ready again")


def test_lease_is_renewed_while_all_work_connections_are_busy(
    emptied_database: str, simulated_stripe: SimulatorControl, gateway: HookedGateway
) -> None:
    with running_core(emptied_database, simulated_stripe, gateway, lease=timedelta(seconds=0.6)) as core:
        ends = partial(core.sql, "SELECT lease_expires_at AS at FROM commands")

        def until_renewed() -> None:
            with ExitStack() as taken:
                for _ in range(core.settings.database_pool_size):
                    taken.enter_context(core.engine.engine.connect())
                first = ends()
                until(lambda: ends() != first, "the lease is renewed")

        gateway.before["create_intent"] = until_renewed
        assert core.status(core.authorize()) == "AUTHORIZED"


def test_locked_row_does_not_delay_the_renewal_of_other_leases(hooked_core: Core, gateway: HookedGateway) -> None:
    core = hooked_core
    for number in range(2):
        gateway.before["create_intent"] = die
        with killed():
            core.authorize(f"c-{number}", f"order-{number}")
    held = core.sql("SELECT correlation_id, lease_token, lease_expires_at FROM commands ORDER BY correlation_id")
    tokens = [row["lease_token"] for row in held]
    with transaction(core.database) as holder:
        holder.exec_driver_sql("SELECT 1 FROM commands WHERE correlation_id = 'c-0' FOR UPDATE")
        in_transaction(core.database, lambda connection: leases.renew(connection, tokens, timedelta(minutes=1)))
    after = core.sql("SELECT correlation_id, lease_token, lease_expires_at FROM commands ORDER BY correlation_id")
    assert after[0] == held[0]
    assert after[1]["lease_expires_at"] > held[1]["lease_expires_at"]
    core.expire_leases()
    core.settle()


def test_command_with_an_unstorable_outcome_is_postponed_with_the_reason(
    hooked_core: Core, gateway: HookedGateway
) -> None:
    """Another row has the id of its event."""
    core = hooked_core
    core.sql(
        "INSERT INTO outbox (event_id, topic, key, type, value, headers) "
        "VALUES (:id, 'elsewhere', 'k', 't', '{}', '[]')",
        id=outcome_id(CommandKey("authorize_payment", "c-auth")),
    )
    with pytest.raises(IntegrityError, match="uq_outbox_event_id"):
        core.authorize()
    core.expire_leases()
    assert core.complete() == 1
    row = core.command("c-auth", "authorize_payment")
    assert row["state"] == "pending"
    assert "uq_outbox_event_id" in row["last_error"]
    assert core.complete() == 0, "it is not due again at once"
