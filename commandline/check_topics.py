"""``doctor``: the three topics exist, are accessible, and have settings that lose no records."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from commandline.check_kafka import ANSWER_SECONDS, admin_of, is_denied
from commandline.checks import Finding

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import AdminClient

    from runtime.settings import KafkaSettings

CHECK = "topic"
_OPEN = "give this user Read, Write and Describe on it: consumer and relay read and write it"


def check_topics(settings: "KafkaSettings") -> Iterator[Finding]:
    """Each topic that is read or written."""
    from runtime.topic_policies import returns_settings

    names = [settings.payment_commands_topic, settings.payment_events_topic, settings.dead_letter_topic]
    admin = admin_of(settings)
    cluster = admin.list_topics(timeout=ANSWER_SECONDS)
    if not returns_settings(cluster):
        for name in names:
            yield Finding(CHECK, f"{name} is there") if name in cluster.topics else _missing(name, None)
        return
    for name, answer in _described(admin, names).items():
        yield from _topic(admin, name, answer, settings)
    yield from _settings(settings, names)


def _described(admin: "AdminClient", names: list[str]) -> Mapping[str, Any]:
    """Asked by name without making any, as an ordinary question about a topic may."""
    from confluent_kafka import TopicCollection

    asked = admin.describe_topics(
        TopicCollection(names), include_authorized_operations=True, request_timeout=ANSWER_SECONDS
    )
    return dict(asked)


def _topic(admin: "AdminClient", name: str, answer: Any, settings: "KafkaSettings") -> Iterator[Finding]:
    from confluent_kafka import KafkaError, KafkaException

    try:
        description = answer.result()
    except KafkaException as exc:
        error = exc.args[0]
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            yield _missing(name, _why_not_makeable(admin, name, settings))
        else:
            mend = _OPEN if is_denied(error) else "see what the brokers say"
            yield Finding(CHECK, f"{name} can't be had: {error.str()}", mend)
        return
    yield Finding(CHECK, f"{name} is there")
    yield from _rights(name, description.authorized_operations)


def _rights(name: str, allowed: list[Any] | None) -> Iterator[Finding]:
    """``allowed`` is None if the broker does not return it."""
    from confluent_kafka.admin._acl import AclOperation

    wanted = (AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE)
    missing = [each.name.title() for each in wanted if allowed is not None and each not in allowed]
    if missing:
        yield Finding("rights", f"this user lacks {', '.join(missing)} on the topic {name}", _OPEN)


def _why_not_makeable(admin: "AdminClient", name: str, settings: "KafkaSettings") -> "KafkaError | None":
    """What the broker says to making it, without making it."""
    from confluent_kafka import KafkaException
    from confluent_kafka.cimpl import NewTopic

    wanted = NewTopic(name, settings.kafka_topic_partitions, settings.kafka_topic_replication or -1)
    try:
        admin.create_topics([wanted], validate_only=True, request_timeout=ANSWER_SECONDS)[name].result()
    except KafkaException as exc:
        error: KafkaError = exc.args[0]
        return error
    return None


def _missing(name: str, why_not: "KafkaError | None") -> Finding:
    if why_not is None:
        mend = "start cli.py relay and cli.py consume: they make it where the broker allows it"
        return Finding(CHECK, f"{name} is missing", mend)
    mend = "make it, or let this user make it" if is_denied(why_not) else "correct KAFKA_TOPIC_*, or make it"
    return Finding(CHECK, f"{name} is missing and can't be made: {why_not.str()}", mend)


def _settings(settings: "KafkaSettings", names: list[str]) -> Iterator[Finding]:
    from runtime.topic_policies import faults, read

    found = read(settings.client_config(), names)
    for name, why in found.unknown.items():
        mend = "give this user DescribeConfigs on it, or look at its settings yourself"
        yield Finding(CHECK, f"the settings of {name} cannot be read: {why}", mend, warning=True)
    for fault in faults(found.known, settings.payment_commands_topic, settings.dead_letter_topic):
        yield Finding(CHECK, f"{fault.topic}: {fault.detail}", fault.mend, warning=not fault.loses)
