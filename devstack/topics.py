"""The topics of one test."""

import secrets
import time
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from devstack.kafka import Kafka

_ANSWER_SECONDS = 90.0
"""A broker that was just thawed may take long to make a topic."""

_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Topics:
    """Names of topics for one test. The topics do not exist until a call makes them."""

    commands: str
    events: str
    group: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that configure them in the service."""
        return {
            "PAYMENT_COMMANDS_TOPIC": self.commands,
            "PAYMENT_EVENTS_TOPIC": self.events,
            "CONSUMER_GROUP_ID": self.group,
            "RELAY_NAME": f"relay-{self.group}",  # two relays of one name on one broker fence each other
        }


def unique_topics() -> Topics:
    mark = secrets.token_hex(4)
    return Topics(f"payment_commands_{mark}", f"payment_events_{mark}", f"payment-service-group-{mark}")


def make_topic(kafka: Kafka, name: str, partitions: int = 6, **config: str) -> str:
    """Makes the topic; the mock cluster makes it at the first request, always with four partitions.

    ``config``: the topic's settings, with _ for a dot. The topic is visible to all clients when this returns, because
    a broker learns of a new topic a moment after the controller has made it.
    """
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    if kafka.kind != "mock":
        settings = {setting.replace("_", "."): value for setting, value in config.items()}
        admin.create_topics([NewTopic(name, partitions, config=settings)])[name].result(_ANSWER_SECONDS)
    while not _has_leaders(admin, name):
        time.sleep(_LOOK_SECONDS)
    return name


def _has_leaders(admin: AdminClient, name: str) -> bool:
    found = admin.list_topics(name, timeout=10).topics[name].partitions
    return bool(found) and all(partition.leader >= 0 for partition in found.values())
