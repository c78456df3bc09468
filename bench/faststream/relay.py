"""faststream-outbox as a relay to Kafka, as its documentation shows it; a program for a virtual environment of its own.

    python relay.py DATABASE_URL BOOTSTRAP_SERVERS TOPIC

Makes its table, then publishes what comes into it, until SIGTERM.
"""

import asyncio
import sys
from typing import Any

from faststream import FastStream
from faststream.confluent import KafkaBroker, KafkaResponse
from faststream_outbox import OutboxBroker, make_outbox_table
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

_WORKERS = 64
_QUIET = {"logger": None, "apply_types": False}


async def _as_it_is(message: Any) -> Any:
    """Nothing is decoded, and so nothing encoded: bytes go through."""
    return message


async def _relay(message: Any) -> KafkaResponse:
    headers = message.headers
    return KafkaResponse(message.body, key=headers["ce_subject"].encode(), headers=headers)


async def _run(url: str, bootstrap: str, topic: str) -> None:
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"), pool_size=_WORKERS + 4)
    metadata = MetaData()
    table = make_outbox_table(metadata, table_name="faststream_outbox")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    kafka = KafkaBroker(
        bootstrap, acks="all", enable_idempotence=True, linger_ms=5, partitioner="murmur2_random", **_QUIET
    )
    outbox = OutboxBroker(engine, outbox_table=table, **_QUIET)
    # Tuned: rows are claimed and deleted by the many, and no pause is long; its defaults are 1 worker, claims of 10,
    # deletes of 1 and pauses of 1 to 10 s.
    subscriber = outbox.subscriber(
        "events",
        max_workers=_WORKERS,
        fetch_batch_size=1000,
        terminal_flush_batch_size=100,
        min_fetch_interval=0.01,
        max_fetch_interval=0.1,
        decoder=_as_it_is,
    )
    kafka.publisher(topic)(subscriber(_relay))
    await FastStream(outbox, on_startup=[kafka.connect], logger=None).run()


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
