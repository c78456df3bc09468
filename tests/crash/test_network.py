"""A network to Kafka that fails for one client only."""

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from devstack.kafka_apache import ApacheKafka
from devstack.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.real_kafka]

_SECONDS = 10.0


def _client(address: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": address, "log_level": 0})


@pytest.fixture
def door(killable_kafka: ApacheKafka) -> Iterator[TcpProxy]:
    yield killable_kafka.doors[0]
    killable_kafka.doors[0].mend()


def test_client_of_a_door_is_directed_to_the_door(killable_kafka: ApacheKafka, door: TcpProxy) -> None:
    for address in (door.address, killable_kafka.bootstrap_servers):
        (broker,) = _client(address).list_topics(timeout=_SECONDS).brokers.values()
        assert f"{broker.host}:{broker.port}" == address


def test_a_door_that_swallows_packets_cuts_off_its_clients_and_no_others(
    killable_kafka: ApacheKafka, door: TcpProxy
) -> None:
    cut_off, other = _client(door.address), _client(killable_kafka.doors[1].address)
    cut_off.list_topics(timeout=_SECONDS)
    door.lose_packets()
    with pytest.raises(KafkaException):
        cut_off.list_topics(timeout=1.0)
    other.list_topics(timeout=_SECONDS)
    door.mend()
    cut_off.list_topics(timeout=_SECONDS)
