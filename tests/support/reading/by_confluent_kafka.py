"""Reads topics by confluent-kafka."""

from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.support.reading.asked import SECONDS, Heard, answer, decoded, heard


def read(bootstrap_servers: str, topic: str, isolation: str | None) -> list[Heard]:
    """Up to the end of each partition."""
    given = {} if isolation is None else {"isolation.level": isolation}
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "reads-once", "enable.partition.eof": True, **given}
    )
    places = consumer.list_topics(topic, timeout=SECONDS).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in places])
    ended, found = set[int | None](), list[Heard]()
    while len(ended) < len(places):
        for message in consumer.consume(100, 0.1):
            error = message.error()
            if error is None:
                decoded(message.value() or b"")
                found.append(heard(message.headers()))
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
    consumer.close()
    return found


if __name__ == "__main__":
    answer("confluent-kafka", read)
