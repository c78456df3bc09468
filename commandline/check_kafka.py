"""``doctor``: the broker and its topics."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from commandline.checks import Finding

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

    from service.settings import KafkaSettings

_ANSWER_SECONDS = 5.0


def check_kafka(settings: "KafkaSettings") -> Iterator[Finding]:
    """Reachable, and the three topics there."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    said: list[KafkaError] = []
    config: dict[str, Any] = {**settings.client_config(), "error_cb": said.append, "log_level": 0}
    try:
        admin = AdminClient(config)
    except KafkaException as error:
        yield Finding("Kafka", error.args[0].str(), "correct KAFKA_CONFIG, KAFKA_SASL_* and KAFKA_SSL_*")
        return
    try:
        topics = admin.list_topics(timeout=_ANSWER_SECONDS).topics
    except KafkaException as error:
        # What list_topics raises is a time-out; why, the client has said before.
        admin.poll(0)
        reasons = dict.fromkeys(each.str() for each in said) or {error.args[0].str(): None}
        yield Finding("Kafka", "; ".join(reasons), "start it, or correct KAFKA_BOOTSTRAP_SERVERS and KAFKA_*")
        return
    yield Finding("Kafka", f"{settings.kafka_bootstrap_servers} answers")
    for name in (settings.payment_commands_topic, settings.payment_events_topic, settings.dead_letter_topic):
        there = name in topics
        mend = None if there else "start cli.py relay and cli.py consume: they make it where the broker allows it"
        yield Finding("topic", f"{name} {'is there' if there else 'is missing'}", mend)
