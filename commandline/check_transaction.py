"""``doctor``: a transaction as the relay makes them, on an id of its own, aborted."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from commandline.check_kafka import ANSWER_SECONDS, is_denied
from commandline.checks import Finding

if TYPE_CHECKING:
    from relay.settings import RelaySettings

CHECK = "transaction"
_OTHER_WAY = "correct the brokers' settings, or set RELAY_DELIVERY=at-least-once"


def check_transaction(settings: "RelaySettings") -> Iterator[Finding]:
    """Begun, given an offset of a group, and aborted: no reader sees anything of it.

    The relay's own ids are left alone, since trying one would fence the relay.
    """
    from confluent_kafka import KafkaException

    from runtime.coordination import GROUPS, TRANSACTIONS, why_not

    if settings.relay_delivery == "at-least-once":
        yield Finding(CHECK, "none is needed: RELAY_DELIVERY is at-least-once")
        return
    name, coordinated = f"{settings.relay_name}/doctor", TRANSACTIONS
    try:
        producer = _producer(settings, name)
        producer.init_transactions(ANSWER_SECONDS)
        producer.begin_transaction()
        coordinated = GROUPS
        _send_offset(producer, settings, name)
        producer.abort_transaction(ANSWER_SECONDS)
    except KafkaException as exc:
        error = exc.args[0]
        if is_denied(error):
            yield _denied(name, error.str())
        else:
            why = why_not(settings.client_config(), coordinated) or error.str()
            yield Finding(CHECK, f"none can be made: {why}", _OTHER_WAY)
        return
    yield Finding(CHECK, "can be made")


def _producer(settings: "RelaySettings", name: str) -> Any:
    from confluent_kafka import Producer

    config: dict[str, Any] = {**settings.client_config(), "transactional.id": name, "log_level": 0}
    return Producer(config)


def _send_offset(producer: Any, settings: "RelaySettings", name: str) -> None:
    """As the receipt is sent; needs the topic."""
    from confluent_kafka import Consumer, TopicPartition

    topic = settings.payment_events_topic
    if topic not in producer.list_topics(timeout=ANSWER_SECONDS).topics:
        return
    config: dict[str, Any] = {**settings.client_config(), "group.id": name, "log_level": 0}
    consumer = Consumer(config)
    try:
        group = consumer.consumer_group_metadata()
        producer.send_offsets_to_transaction([TopicPartition(topic, 0, 0)], group, ANSWER_SECONDS)
    finally:
        consumer.close()


def _denied(name: str, said: str) -> Finding:
    """The relay's own may be allowed all the same."""
    prefix = name.rpartition("/")[0]
    mend = f"give this user Write and Describe on transactional ids, and Read on groups, that begin with {prefix}"
    return Finding(CHECK, f"{name}: {said}; so it could not be tried", mend, warning=True)
