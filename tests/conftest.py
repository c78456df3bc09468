"""Fixtures for all tests. Servers start lazily and in the background; what could not run is listed at the end."""

import gc
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from devstack import leftovers
from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.postgres_install import PostgresUnavailableError
from devstack.processes import ProcessFailedError, scratch_directory
from devstack.simulator import StripeSimulator
from devstack.stripe_simulator.client import SimulatorControl
from devstack.topics import Topics, make_topic, unique_topics
from tests.support.loglines import log_plainly
from tests.support.programs import fetch
from tests.support.requirements import REQUIRE_REAL, by_reason, unavailable
from tests.support.servers import Servers, keep_data_in_memory
from tests.support.stripe_mock import StripeMockUnavailableError

_SERVERS = pytest.StashKey[Servers]()
_SAID = pytest.StashKey[list[str]]()
_SHARED = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(50_000)  # as cli.py does
    # A shell starts what it puts in the background with Ctrl-C ignored, and every program we start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log_plainly()
    keep_data_in_memory()
    worker: dict[str, str] | None = getattr(config, "workerinput", None)
    servers = config.stash[_SERVERS] = Servers(None if worker is None else Path(worker["servers"]))
    config.stash[_SAID] = []
    if worker is not None or config.option.collectonly:
        return
    fetch(lambda line: print(line, flush=True))  # noqa: T201 - before there is a reporter
    if config.getoption("numprocesses", None):
        config.stash[_SHARED] = scratch_directory("tests")
        servers.offer(config.stash[_SHARED])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before a worker of a parallel run begins."""
    node.workerinput["servers"] = str(node.config.stash[_SHARED])


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()  # thousands of tests, which live to the end: no search for cycles visits them
    if session.config.option.collectonly:
        return
    begun = session.config.stash[_SERVERS].begin_for(session.items)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if begun and reporter is not None:
        reporter.write_line(f"starting {', '.join(begun)}; {_policy()}")


def _policy() -> str:
    """What is used, in a line; which Kafka it became is known when it runs, and said at the end."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    kafka = given or ("Apache Kafka if it can be had" if shutil.which("java") else "librdkafka's mock cluster: no java")
    return f"Kafka: {kafka}; what is missing {'fails' if REQUIRE_REAL else 'is skipped and listed'}"


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_SERVERS].close()
    leftovers.end()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of a parallel run has no screen: its lines are said by the main process."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["said"] = list(session.config.stash[_SERVERS].said)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_SAID] += getattr(node, "workeroutput", {}).get("said", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in dict.fromkeys([*config.stash[_SERVERS].said, *config.stash[_SAID]]):
        terminalreporter.write_line(line)
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("what could not run")
    for reason, nodes in by_reason(skipped).items():
        files = sorted({node.partition("::")[0] for node in nodes})
        terminalreporter.write_line(f"{len(nodes)} tests in {len(files)} files: {reason}")
        terminalreporter.write_line(f"  {', '.join(files)}")


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that runs in this process would set up its log, which is that of all other tests, too."""
    monkeypatch.setattr("runtime.logs.configure", lambda *_: None)


@pytest.fixture(autouse=True)
def no_test_configures_the_log_of_all() -> Iterator[None]:
    """A module's logger that is first used under `logs.configure` keeps that configuration for all later tests."""
    yield
    if structlog.get_config()["cache_logger_on_first_use"]:
        log_plainly()
        pytest.fail("this test left the log of its process configured: use tests.support.loglines")


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    return pytestconfig.stash[_SERVERS]


@pytest.fixture(scope="session")
def postgres_server(servers: Servers) -> Postgres:
    """The run's PostgreSQL server. A test that kills one starts its own `EmbeddedPostgres`."""
    try:
        return servers.postgres.result()
    except (PostgresUnavailableError, ProcessFailedError) as error:
        unavailable("PostgreSQL", error)


@pytest.fixture(scope="session")
def migrated_template(postgres_server: Postgres) -> Iterator[str]:
    """A database at the newest schema, to copy from."""
    from service.storage import migrate

    name = f"template_{secrets.token_hex(4)}"
    migrate.upgrade(postgres_server.databases.create(name))
    yield name
    postgres_server.databases.drop(name)


@pytest.fixture
def database_url(postgres_server: Postgres, migrated_template: str) -> Iterator[str]:
    """A fresh, migrated database of the test's own."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.databases.create(name, template=migrated_template)
    postgres_server.databases.drop(name)


@pytest.fixture
def empty_database_url(postgres_server: Postgres) -> Iterator[str]:
    """A fresh database with nothing in it, for tests of migrations."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.databases.create(name)
    postgres_server.databases.drop(name)


@pytest.fixture(scope="session")
def kafka(servers: Servers) -> Kafka:
    """The run's Kafka: given, Apache or mock. Topics are not made on demand, except by the mock."""
    return servers.kafka.result()


@pytest.fixture(autouse=True)
def _real_kafka_if_asked_for(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("real_kafka"):
        found: Kafka = request.getfixturevalue("kafka")
        if found.kind == "mock":
            unavailable("real Kafka", found.choice)


@pytest.fixture
def topics() -> Topics:
    """Topic and group names that no other test uses."""
    return unique_topics()


@pytest.fixture
def new_topic(kafka: Kafka) -> Callable[[], str]:
    """Makes a topic of its own at each call, and returns its name."""
    return lambda: make_topic(kafka, f"topic_{secrets.token_hex(6)}")


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[StripeSimulator]:
    """One Stripe simulator for the run; it delivers no webhooks until it is told where."""
    simulator = StripeSimulator("--seed", "1")
    try:
        yield simulator.start()
    finally:
        simulator.close()


@pytest.fixture
def simulator(simulator_process: StripeSimulator) -> SimulatorControl:
    """The run's Stripe simulator, with nothing in it."""
    control = simulator_process.control
    control.reset()
    return control


@pytest.fixture(scope="session")
def stripe_mock_url(servers: Servers) -> str:
    """Base URL of Stripe's stripe-mock."""
    try:
        return servers.stripe_mock.result().url
    except (StripeMockUnavailableError, ProcessFailedError) as error:
        unavailable("stripe-mock", error)
