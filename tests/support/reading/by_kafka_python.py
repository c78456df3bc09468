"""Reads topics by whichever kafka-python is on the path, as the published sagas do."""

from kafka import KafkaConsumer, TopicPartition

from tests.support.reading.asked import Heard, answer, decoded, heard


def read(bootstrap_servers: str, topic: str, isolation: str | None) -> list[Heard]:
    """All records that ``poll`` returns. A poll that raises loses its records; the next one continues behind them."""
    given = {} if isolation is None else {"isolation_level": isolation}
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest", value_deserializer=decoded, **given
    )
    places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(places)
    ends, found = consumer.end_offsets(places), list[Heard]()
    while any(consumer.position(place) < ends[place] for place in places):
        try:
            polled = consumer.poll(timeout_ms=100)
        except ValueError:
            continue
        found += [heard(record.headers) for records in polled.values() for record in records]
    consumer.close()
    return found


if __name__ == "__main__":
    answer("kafka-python", read)
