"""Reads topics by aiokafka."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.support.reading.asked import Heard, answer, decoded, heard


def read(bootstrap_servers: str, topic: str, isolation: str | None) -> list[Heard]:
    """Up to the end of each partition."""
    return asyncio.run(_read(bootstrap_servers, topic, {} if isolation is None else {"isolation_level": isolation}))


async def _read(bootstrap_servers: str, topic: str, given: dict[str, str]) -> list[Heard]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        value_deserializer=decoded,
        **given,
    )
    await consumer.start()
    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    ends, found = await consumer.end_offsets(places), list[Heard]()
    while any([await consumer.position(place) < ends[place] for place in places]):
        polled = await consumer.getmany(timeout_ms=100)
        found += [heard(record.headers) for records in polled.values() for record in records]
    await consumer.stop()
    return found


if __name__ == "__main__":
    answer("aiokafka", read)
