"""``doctor``: whether the readers of the events can read the relay's delivery."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from commandline.checks import Finding
from runtime.plurals import number_of

if TYPE_CHECKING:
    from relay.settings import RelaySettings

_CHECK = "readers"


def check_readers(settings: "RelaySettings") -> Iterator[Finding]:
    """Groups that read the events topic now; members that can't skip the control records of a transaction."""
    from confluent_kafka import KafkaException

    from relay.readers import WHAT_TO_DO, look

    topic, delivery = settings.payment_events_topic, settings.relay_delivery
    try:
        found = look(settings.client_config(), topic)
    except KafkaException as error:
        yield Finding(_CHECK, f"cannot be read: {error.args[0].str()}", "look when Kafka answers", warning=True)
        return
    for reader in sorted(found.losing):
        said = f"group {reader.group} reads {topic} by {reader.client_id}, which can't skip control records"
        suits = delivery == "at-least-once"
        yield Finding(_CHECK, f"{said}; {delivery} delivery {'has none' if suits else 'loses it events'}",
                      None if suits else WHAT_TO_DO)  # fmt: skip
    for group, why in sorted(found.unseen.items()):
        yield Finding(_CHECK, f"group {group} cannot be read: {why}", "allow Describe on groups to look", warning=True)
    if not found.losing:
        groups = number_of(found.groups, "group reads", "groups read")
        yield Finding(_CHECK, f"{groups} {topic} now, none by a library known to lose events")
