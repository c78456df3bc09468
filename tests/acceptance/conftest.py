"""One stack for most tests, and one with the settings for the published CampusG sagas."""

import secrets
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

import pytest

from devstack.kafka import Kafka
from devstack.postgres import Postgres
from devstack.topics import unique_topics
from tests.support.acceptance import World
from tests.support.campusg_env import campusg_settings

_WORLD = pytest.StashKey[World]()


@contextmanager
def _started(postgres: Postgres, template: str, kafka: Kafka, environment: Mapping[str, str]) -> Iterator[World]:
    name = f"acceptance_{secrets.token_hex(6)}"
    world = World(postgres.databases.create(name, template=template), kafka, unique_topics(), environment)
    try:
        yield world.start()
    finally:
        world.close()
        postgres.databases.drop(name)


@pytest.fixture(scope="package")
def _default(postgres_server: Postgres, migrated_template: str, kafka: Kafka) -> Iterator[World]:
    with _started(postgres_server, migrated_template, kafka, {}) as world:
        yield world


@pytest.fixture(scope="package")
def _campusg(postgres_server: Postgres, migrated_template: str, kafka: Kafka) -> Iterator[World]:
    with _started(postgres_server, migrated_template, kafka, campusg_settings()) as world:
        yield world


@pytest.fixture
def world(_default: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The stack with all processes running and Stripe healthy; all published records are audited after the test."""
    yield from _in_use(_default, request.node)


@pytest.fixture
def campusg(_campusg: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The same stack, with the settings of `campusg.env` for the published CampusG callers."""
    yield from _in_use(_campusg, request.node)


def _in_use(world: World, node: pytest.Item) -> Iterator[World]:
    node.stash[_WORLD] = world
    world.heal()
    yield world
    world.audit()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the last log lines of the processes."""
    report = yield
    world = item.stash.get(_WORLD, None)
    if report.failed and world is not None:
        for name, service in world.application.services.items():
            report.sections.append((f"log of {name}", service.log_tail()))
    return report
