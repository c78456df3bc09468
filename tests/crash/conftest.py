"""Runs the crash points of the selected tests on several sites at once, because starting processes takes the time."""

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from devstack.kafka import Kafka
from devstack.kafka_apache import ApacheKafka
from devstack.postgres import Postgres
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.topics import unique_topics
from proofs.chaos.network import DOORS
from service.storage import migrate
from tests.crash.crash_site import CrashSite
from tests.crash.points import CrashPoint
from tests.crash.scenarios import SCENARIOS
from tests.support.own_servers import own_broker

SITES = 4

OpenSite = Callable[[], AbstractContextManager[CrashSite]]
Deaths = dict[CrashPoint, "Future[None]"]


@pytest.fixture(scope="session")
def open_site(
    postgres_server: Postgres, migrated_template: str, kafka: Kafka, tmp_path_factory: pytest.TempPathFactory
) -> OpenSite:
    """Starts a site on a database of its own."""
    directory = tmp_path_factory.mktemp("sites")
    copying = threading.Lock()  # Only one session may copy a template at a time.

    @contextmanager
    def open_one() -> Iterator[CrashSite]:
        name = f"crash_{secrets.token_hex(6)}"
        with copying:
            database_url = postgres_server.databases.create(name, template=migrated_template)
        with CrashSite(database_url, kafka, unique_topics(), directory) as site:
            yield site
        postgres_server.databases.drop(name)

    return open_one


@pytest.fixture(scope="session")
def killable_postgres() -> Iterator[EmbeddedPostgres]:
    """A server of these tests, which they kill and restore."""
    with EmbeddedPostgres() as server:
        yield server


@pytest.fixture(scope="session")
def killable_kafka() -> Iterator[ApacheKafka]:
    """A broker of these tests, which they kill and disconnect from processes."""
    with own_broker(doors=DOORS) as broker:
        yield broker


@pytest.fixture
def killable_database_url(killable_postgres: EmbeddedPostgres) -> Iterator[str]:
    """A fresh, migrated database on the server that is killed."""
    name = f"killable_{secrets.token_hex(6)}"
    url = killable_postgres.databases.create(name)
    migrate.upgrade(url)
    yield url
    killable_postgres.databases.drop(name)


@pytest.fixture(scope="module")
def deaths(open_site: OpenSite, request: pytest.FixtureRequest) -> Iterator[Deaths]:
    """The result of the crash at each tested point. All begin together, and each test waits for its own."""
    picked = [_point_of(item) for item in request.session.items if item.path == request.path]
    points = [point for point in picked if point is not None]
    with _CrashSites(open_site, min(SITES, len(points))) as sites:
        yield {point: sites.submit(point) for point in points}


def _point_of(item: pytest.Item) -> CrashPoint | None:
    found = (
        item.callspec.params.get("point") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
    )
    return found if isinstance(found, CrashPoint) else None


class _CrashSites:
    """Crashes wait for a free site. A site with a failed crash is not used again."""

    def __init__(self, open_site: OpenSite, number: int) -> None:
        self._open = open_site
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="site")
        self._mine = threading.local()
        self._stacks: list[ExitStack] = []

    def submit(self, point: CrashPoint) -> "Future[None]":
        return self._pool.submit(self._crash, point)

    def __enter__(self) -> "_CrashSites":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        with ThreadPoolExecutor(max(1, len(self._stacks))) as pool:
            list(pool.map(ExitStack.close, self._stacks))

    def _crash(self, point: CrashPoint) -> None:
        site = self._site()
        try:
            site.crash(point, SCENARIOS[point])
        except BaseException as error:
            del self._mine.site
            error.add_note(site.logs())
            raise

    def _site(self) -> CrashSite:
        if not hasattr(self._mine, "site"):
            stack = ExitStack()
            self._mine.site = stack.enter_context(self._open())
            self._stacks.append(stack)
        site: CrashSite = self._mine.site
        return site
