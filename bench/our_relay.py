"""Our relay as an operator would run it: a process of `python cli.py relay`."""

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2

from bench.servers import query
from devstack.ports import free_port
from devstack.processes import scratch_directory
from devstack.service_process import ServiceProcess, overlaid

_PATIENCE_SECONDS = 300.0
_LOW = "SELECT coalesce(max(low), 0) FROM relay_checkpoints"


_PUBLISHED = """
    INSERT INTO relay_checkpoints (relay, low, system_identifier, timeline)
    SELECT %s, (SELECT max(position) FROM outbox), system_identifier,
        ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int FROM pg_control_system()
    WHERE EXISTS (SELECT FROM outbox)
"""


@contextmanager
def running(url: str, bootstrap: str, topic: str, delivery: str, **environment: str) -> Iterator[ServiceProcess]:
    """A relay that is ready and asleep; the present rows of the outbox count as published."""
    directory = scratch_directory("relay")
    name = f"bench-{secrets.token_hex(4)}"
    ours = {
        "DATABASE_URL": url,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "PAYMENT_EVENTS_TOPIC": topic,
        "RELAY_NAME": name,
        "RELAY_DELIVERY": delivery,
        "LOG_LEVEL": "WARNING",
        **environment,
    }
    process = ServiceProcess("relay", overlaid(os.environ, ours), free_port(), directory)
    try:
        query(url, _PUBLISHED, name)
        process.start()
        process.wait_until_ready()
        yield process
    finally:
        process.stop()
        shutil.rmtree(directory, ignore_errors=True)


def wait_for(url: str, position: int) -> float:
    """The time (monotonic) at which its checkpoint reaches `position`, after publication and commit."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        session.autocommit = True
        while time.monotonic() < deadline:
            cursor.execute(_LOW)
            if (cursor.fetchone() or (0,))[0] >= position:
                return time.monotonic()
            time.sleep(0.01)
    raise TimeoutError(f"the relay has not come to position {position}")
