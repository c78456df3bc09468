"""The relay's metric of its sessions in PostgreSQL agrees with PostgreSQL."""

from collections import Counter
from collections.abc import Mapping

import pytest

from devstack.ports import free_port
from devstack.saga_client import until
from relay.settings import RelaySettings
from tests.integration.relay.running import RunningRelay, TopicReader
from tests.integration.relay.writers import session
from tests.support.probes import value_of

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

WORKING = {"leader": 1, "writer": 1, "reader": 1, "lag": 1}
_SESSIONS = """
    SELECT substr(application_name, 8), pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'relay: %'
"""


def in_postgres(url: str) -> list[tuple[str, int]]:
    """The purpose and the process of each session of a relay."""
    with session(url) as asking, asking.cursor() as cursor:
        cursor.execute(_SESSIONS)
        return cursor.fetchall()


def in_metrics(port: int) -> Mapping[str, float]:
    return {
        purpose: value_of(port, f'payment_database_connections{{pool="{purpose}",state="open"}}') for purpose in WORKING
    }


def test_the_relays_open_sessions_are_counted_by_purpose(
    database_url: str, settings: RelaySettings, reader: TopicReader
) -> None:
    """Also after the server has ended them all, and the next term has opened its own."""
    port = free_port("127.0.0.1")
    with RunningRelay(settings.model_copy(update={"ops_port": port})):
        until(lambda: in_metrics(port) == WORKING, "every session is counted")
        first = in_postgres(database_url)
        assert Counter(purpose for purpose, _ in first) == WORKING
        with session(database_url) as admin, admin.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", ([pid for _, pid in first],))
        until(lambda: {pid for _, pid in in_postgres(database_url)}.isdisjoint(pid for _, pid in first), "all ended")
        until(lambda: Counter(purpose for purpose, _ in in_postgres(database_url)) == WORKING, "a new term works")
        until(lambda: in_metrics(port) == WORKING, "no ended session is counted")
