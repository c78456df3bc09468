"""The saga client on the Kafka of a test."""

from devstack.kafka import Kafka
from devstack.saga_client import SagaClient
from devstack.topics import Topics, make_topic

# a record of several MiB is taken by a broker of default settings when it is compressed to less than one
_LARGE = {"compression.type": "gzip", "message.max.bytes": 8 * 1024 * 1024}


def saga_client(kafka: Kafka, topics: Topics, *also: str) -> SagaClient:
    """A client that reads the events, and the topics ``also``, from their beginning.

    With the mock cluster, which has no transactions, the relay publishes at least once; the client then drops repeated
    event ids, as a careful client does. The mock cluster makes topics only for producers, not for readers.
    """
    on_mock = kafka.kind == "mock"
    for topic in (topics.commands, topics.events, *also) if on_mock else ():
        make_topic(kafka, topic)
    return SagaClient(
        {"bootstrap.servers": kafka.bootstrap_servers},
        topics.commands,
        topics.events,
        also=also,
        start="earliest",
        repeats=not on_mock,
        producer=_LARGE,
    )
