"""``doctor``: the connection to a broker. The checks that need a broker are in other files."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from commandline.checks import Finding

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import AdminClient

    from runtime.settings import KafkaSettings

ANSWER_SECONDS = 5.0


def check_kafka(settings: "KafkaSettings") -> Iterator[Finding]:
    """Reachable."""
    from confluent_kafka import KafkaException

    said: list[KafkaError] = []
    try:
        admin = admin_of(settings, error_cb=said.append)
    except KafkaException as error:
        yield Finding("Kafka", error.args[0].str(), "correct KAFKA_CONFIG, KAFKA_SASL_* and KAFKA_SSL_*")
        return
    try:
        admin.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as error:
        # What list_topics raises is a time-out; why, the client has said before.
        admin.poll(0)
        reasons = dict.fromkeys(each.str() for each in said) or {error.args[0].str(): None}
        yield Finding("Kafka", "; ".join(reasons), "start it, or correct KAFKA_BOOTSTRAP_SERVERS and KAFKA_*")
        return
    yield Finding("Kafka", f"{settings.kafka_bootstrap_servers} answers")


def admin_of(settings: "KafkaSettings", **more: Any) -> "AdminClient":
    """Raises KafkaException where librdkafka refuses the settings."""
    from confluent_kafka.admin import AdminClient

    config: dict[str, Any] = {**settings.client_config(), "log_level": 0, **more}
    return AdminClient(config)


def is_denied(error: "KafkaError") -> bool:
    """Whether a broker refuses this user, and would not another one."""
    from confluent_kafka import KafkaError

    return error.code() in {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
