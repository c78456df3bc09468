"""librdkafka accepts our settings together with an operator's settings."""

import pytest

from consumer.client import make_consumer
from consumer.settings import ConsumerSettings


@pytest.mark.parametrize(
    "given", ["message.max.bytes=2000000", "fetch.max.bytes=1000000,fetch.message.max.bytes=1000000"]
)
def test_sizes_that_an_operator_sets_for_relay_or_consumer_are_taken(given: str) -> None:
    settings = ConsumerSettings(
        database_url="postgresql://nobody@nowhere/none",  # type: ignore[arg-type]
        stripe_secret_key="sk_test_none",  # type: ignore[arg-type]
        kafka_bootstrap_servers="127.0.0.1:9",
        kafka_config=given,
    )
    make_consumer(settings).close()
