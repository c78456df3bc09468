"""A broker's retention with immediate effect."""

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from devstack.kafka import Kafka


def delete_before(kafka: Kafka, topic: str, offset: int, partition: int = 0) -> None:
    """Make the broker delete the records below ``offset``, as it deletes old ones."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    place = TopicPartition(topic, partition, offset)
    admin.delete_records([place])[place].result(30)
