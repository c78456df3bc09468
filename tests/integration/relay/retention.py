"""A broker's retention, at once: what a topic has lost to it."""

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from devstack.kafka import Kafka


def delete_before(kafka: Kafka, topic: str, offset: int, partition: int = 0) -> None:
    """The broker deletes the records below ``offset``, as it does with those that are too old."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    place = TopicPartition(topic, partition, offset)
    admin.delete_records([place])[place].result(30)
