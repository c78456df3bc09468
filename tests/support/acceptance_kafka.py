"""The saga client on the Kafka of a test."""

from devstack.kafka import Kafka
from devstack.saga_client import SagaClient
from devstack.topics import Topics, make_topic

# a record of several MiB is taken by a broker of default settings when it is compressed to less than one
_LARGE = {"compression.type": "gzip", "message.max.bytes": 8 * 1024 * 1024}


def saga_client(kafka: Kafka, topics: Topics, *also: str) -> SagaClient:
    """Hears the events, and the topics ``also``, from their beginning.

    The mock cluster has no transactions, and the relay then publishes at least once: what comes again under its
    event id is left out, as a careful client does. It makes topics for whoever asks for them, which readers do not.
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
