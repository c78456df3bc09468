"""The payment core against a real database and the simulated Stripe."""

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID

import psycopg2
import pytest

from devstack.postgres import Postgres
from devstack.stripe_simulator.client import SimulatorControl
from devstack.stripe_simulator.process import running
from tests.integration.core.hooked_gateway import HookedGateway, hooked
from tests.integration.core.invariants import check_always
from tests.integration.core.kept_topics import Topics
from tests.integration.core.restoring import Loss
from tests.support.core import Core, OpenCore, running_core
from tests.support.emptying import DELETE_ALL


@pytest.fixture(scope="package")
def stripe_process() -> Iterator[SimulatorControl]:
    with running("--seed", "1") as control:
        yield control


@pytest.fixture
def simulated_stripe(stripe_process: SimulatorControl) -> SimulatorControl:
    stripe_process.reset()
    return stripe_process


@pytest.fixture(scope="package")
def core_database(postgres_server: Postgres, migrated_template: str) -> Iterator[str]:
    """One database for all of these tests, because emptying one is faster than creating one."""
    name = f"test_core_{secrets.token_hex(6)}"
    yield postgres_server.databases.create(name, template=migrated_template)
    postgres_server.databases.drop(name)


@pytest.fixture
def emptied_database(core_database: str) -> str:
    connection = psycopg2.connect(core_database)
    with connection, connection.cursor() as cursor:
        cursor.execute(DELETE_ALL)
    connection.close()
    return core_database


@pytest.fixture
def core(emptied_database: str, simulated_stripe: SimulatorControl) -> Iterator[Core]:
    with running_core(emptied_database, simulated_stripe) as running_one:
        yield running_one
        check_always(running_one)


@pytest.fixture
def released(core: Core) -> UUID:
    """A released payment, with all of its webhook events delivered."""
    payment = core.authorize()
    core.release(payment)
    core.hear()
    return payment


@pytest.fixture
def gateway(emptied_database: str, simulated_stripe: SimulatorControl) -> HookedGateway:
    return hooked(emptied_database, simulated_stripe)


@pytest.fixture
def hooked_core(emptied_database: str, simulated_stripe: SimulatorControl, gateway: HookedGateway) -> Iterator[Core]:
    """A core whose calls to Stripe go through ``gateway``."""
    with running_core(emptied_database, simulated_stripe, gateway) as running_one:
        yield running_one
        check_always(running_one)


@pytest.fixture
def other_gateway(emptied_database: str, simulated_stripe: SimulatorControl) -> HookedGateway:
    return hooked(emptied_database, simulated_stripe)


@pytest.fixture
def others(
    emptied_database: str,
    simulated_stripe: SimulatorControl,
    gateway: HookedGateway,
    other_gateway: HookedGateway,
) -> Iterator[tuple[Core, Core]]:
    """Two consumers with hooked gateways. Their leases are too long to be renewed within a test."""
    lease = timedelta(minutes=5)
    with (
        running_core(emptied_database, simulated_stripe, gateway, lease=lease) as first,
        running_core(emptied_database, simulated_stripe, other_gateway, lease=lease) as second,
    ):
        yield first, second
        check_always(second)


@pytest.fixture
def new_database(
    postgres_server: Postgres, migrated_template: str, simulated_stripe: SimulatorControl
) -> Iterator[OpenCore]:
    """Each call opens a core on an empty database, beside the same Stripe account."""
    names: list[str] = []

    def open_core() -> AbstractContextManager[Core]:
        names.append(f"lost_{secrets.token_hex(6)}")
        return running_core(postgres_server.databases.create(names[-1], template=migrated_template), simulated_stripe)

    yield open_core
    for name in names:
        postgres_server.databases.drop(name)


@pytest.fixture
def kept_topics() -> Topics:
    return Topics()


@pytest.fixture
def loss(postgres_server: Postgres, migrated_template: str, simulated_stripe: SimulatorControl) -> Iterator[Loss]:
    lost = Loss(postgres_server, migrated_template, simulated_stripe)
    yield lost
    lost.close()
