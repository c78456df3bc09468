"""The relay under harder conditions: a database with a long foreign transaction and rollbacks."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg2

from bench.figures import Reach, Result, Row, per_round
from bench.relay_throughput import EXACTLY, Found, ours
from bench.scale import Scale
from bench.servers import Servers

_WITHIN = Reach(0.9)


def disturbed(servers: Servers, scale: Scale) -> Result:
    """A foreign transaction that has written and stays open, and a rollback of a fifth of all appended rows."""

    def round_of(*, quiet: bool) -> Found:
        with servers.database() as url, servers.topic("events") as topic:
            if quiet:
                return ours(url, servers.kafka.bootstrap_servers, topic, EXACTLY, scale)
            with _foreign_transaction(url, scale.foreign_seconds):
                return ours(url, servers.kafka.bootstrap_servers, topic, EXACTLY, scale, rollbacks=True)

    name = f"a transaction open for {scale.foreign_seconds:.0f} s, 20 % rollbacks"
    return _compare(scale, name, lambda: round_of(quiet=False), lambda: round_of(quiet=True))


def _compare(scale: Scale, name: str, hard: Callable[[], Found], easy: Callable[[], Found]) -> Result:
    found = [(hard(), easy()) for _ in range(scale.rounds)]
    harder, easier = ([pair[number] for pair in found] for number in (0, 1))
    return Result(
        (
            Row(
                per_round(name, "rows/s", [one.rate for one in harder]),
                per_round("empty, quiet", "rows/s", [one.rate for one in easier]),
                _WITHIN,
            ),
            Row(
                per_round(name, "µs CPU/row", [one.processor for one in harder]),
                per_round("empty, quiet", "µs CPU/row", [one.processor for one in easier]),
            ),
        )
    )


@contextmanager
def _foreign_transaction(url: str, seconds: float) -> Iterator[None]:
    """A transaction that is open for this time before the block, and until its end."""
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        cursor.execute("CREATE TABLE foreign_work AS SELECT pg_current_xact_id() AS xid")
        time.sleep(seconds)
        yield
        session.rollback()
