"""Debezium's PostgreSQL connector with its outbox event router, as a relay of our rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from bench.kafka_connect import ConnectWorker
from bench.servers import query
from devstack.saga_client import until

_HEADERS = (
    *("ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time", "content-type", "ce_subject", "correlation_id"),
    *("sequence", "command_type"),
)
"""Headers in the order of the outbox's rows. The router makes headers only of columns, so each has its own column."""

_COLUMNS = {header: header.replace("-", "_") for header in _HEADERS}
_TABLE = f"""
    CREATE TABLE debezium_outbox (
        id uuid PRIMARY KEY, aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL,
        payload text NOT NULL, {", ".join(f"{column} text" for column in _COLUMNS.values())}
    )
"""
_FILL = f"""
    INSERT INTO debezium_outbox
    SELECT event_id, topic, key, type, value, {", ".join(f"headers->{place}->>1" for place in range(len(_HEADERS)))}
    FROM outbox WHERE position > %s ORDER BY position
"""
_STREAMS = "SELECT 1 FROM pg_replication_slots WHERE database = current_database() AND active"
_START_SECONDS = 120.0


@contextmanager
def running(worker: ConnectWorker, url: str, name: str) -> Iterator[int]:
    """The worker's process id after its snapshot phase, when it streams all further rows.

    Raises ConnectorFailedError, TimeoutError.
    """
    query(url, _TABLE)
    try:
        with worker.connector(name, _config(url, name)):
            until(lambda: bool(query(url, _STREAMS)), "Debezium's replication slot is read", _START_SECONDS)
            yield worker.pid
    finally:  # a database whose slot is read cannot be dropped
        until(lambda: not query(url, _STREAMS), "Debezium lets its replication slot go", _START_SECONDS)


def fill(url: str, after: int) -> None:
    """Copies the outbox's rows behind position `after` into its table; all become visible together."""
    query(url, _FILL, after)


def _config(url: str, name: str) -> dict[str, str]:
    """The connector's settings: few large transactions, a sufficient queue, and no wait while there are rows."""
    database = urlsplit(url)
    placement = ",".join(f"{column}:header:{header}" for header, column in _COLUMNS.items())
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": str(database.hostname),
        "database.port": str(database.port),
        "database.user": str(database.username),
        "database.password": str(database.password),
        "database.dbname": database.path.removeprefix("/"),
        "topic.prefix": name,
        "plugin.name": "pgoutput",
        "slot.name": name,
        "slot.drop.on.stop": "true",
        "publication.autocreate.mode": "filtered",
        "table.include.list": "public.debezium_outbox",
        "snapshot.mode": "no_data",
        "exactly.once.support": "required",
        "transaction.boundary": "poll",
        "extended.headers.enabled": "false",
        "max.batch.size": "8192",
        "max.queue.size": "65536",
        "poll.interval.ms": "10",
        "producer.override.linger.ms": "5",
        "producer.override.batch.size": "262144",
        "producer.override.buffer.memory": "134217728",
        "transforms": "outbox",
        "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
        "transforms.outbox.table.fields.additional.placement": placement,
        "transforms.outbox.route.topic.replacement": "${routedByValue}",
    }
