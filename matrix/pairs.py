"""The pairs of versions that are tested together, and the tests for them."""

from typing import NamedTuple

from devstack.kafka_install import DEFAULT_KAFKA_VERSION
from devstack.postgres_install import WHEEL
from devstack.postgres_maven import VERSIONS

KAFKAS = ("3.9.2", "4.0.2", "4.1.2", DEFAULT_KAFKA_VERSION, "4.3.1", "4.4.0")
POSTGRES = (*VERSIONS, WHEEL)

CORE = (
    "tests/crash/test_every_point.py",
    "tests/acceptance/test_outcomes.py",
    "tests/acceptance/test_duplicates.py",
    "tests/integration/relay/test_publishing.py",
    "tests/integration/relay/test_reading.py",
    "tests/integration/core/test_schema.py",
    "tests/integration/core/test_flows.py",
    "tests/integration/api/test_hosts.py",
)
"""The contract's outcomes, a kill at every crash point, the relay's statements and refusals, schema and migrations."""


class Pair(NamedTuple):
    """A major version of PostgreSQL, a version of Kafka."""

    postgres: str
    kafka: str


DEFAULT = Pair(WHEEL, DEFAULT_KAFKA_VERSION)
"""The versions that `make test` uses."""


def pairs(*, every: bool = False) -> list[Pair]:
    """Each version with the other server's default, because the servers are independent. ``every``: all pairs."""
    if every:
        return [Pair(postgres, kafka) for postgres in POSTGRES for kafka in KAFKAS]
    with_default_kafka = [Pair(postgres, DEFAULT.kafka) for postgres in POSTGRES]
    return with_default_kafka + [Pair(DEFAULT.postgres, kafka) for kafka in KAFKAS if kafka != DEFAULT.kafka]
