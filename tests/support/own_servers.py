"""Servers of one test or module, which it may kill, stop and restore."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from devstack.kafka_apache import ApacheKafka
from devstack.kafka_install import KafkaUnavailableError, find_install
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.processes import ProcessFailedError
from service.storage import migrate
from tests.support.requirements import unavailable


@contextmanager
def own_broker(settings: dict[str, str] | None = None, *, doors: int = 0) -> Iterator[ApacheKafka]:
    """A started broker. Skips the test if no Apache Kafka is available."""
    try:
        broker = ApacheKafka(find_install(lambda _: None), settings, doors=doors)
    except (KafkaUnavailableError, ProcessFailedError) as error:
        unavailable("a broker of its own", error)
    with closing(broker):
        yield broker.start()


@contextmanager
def own_database(name: str) -> Iterator[str]:
    """The URL of a migrated database on a new server, which has another system identifier."""
    with EmbeddedPostgres() as server:
        url = server.databases.create(name)
        migrate.upgrade(url)
        yield url
