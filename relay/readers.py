"""Looks for readers that lose events of transactions, and names them. This runs beside the work.

A transaction ends with a control record in each partition. kafka-python before 2.0.6 gives these to its caller as
events, and a decoder that raises at one loses all records that were fetched with it (docs/readers.md).
"""

import logging
import math
import re
from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any, NamedTuple

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._group import ConsumerGroupDescription, MemberDescription

from relay import metrics
from relay.kafka_errors import error_of
from runtime.background import in_thread
from runtime.logs import get_logger

_log = get_logger(__name__)
_FIRST_SECONDS, _SECONDS = 5.0, 300.0
_ANSWER_SECONDS = 3.0
_AT_ONCE = 100

_CLIENT = re.compile(r"kafka-python-(\d+(?:\.\d+)*)")
"""The client id of kafka-python, unless its user sets ``client_id``."""

_SKIPS_CONTROL_RECORDS = (2, 0, 6)
"""The first version that skips them, by trial: 2.0.5 does not, 2.0.6 does."""

WHAT_TO_DO = "set RELAY_DELIVERY=at-least-once, or let it use kafka-python 2.0.6 or later"


class LosingReader(NamedTuple):
    """A member of a group that reads the topic with a library that can't skip control records."""

    group: str
    client_id: str


class Readers(NamedTuple):
    """The readers found. Absent readers, readers without a group and groups that are not visible are missing."""

    groups: int
    """The number of groups whose connected members read the topic."""

    losing: frozenset[LosingReader]
    unseen: Mapping[str, str]
    """Groups that the broker does not describe to us, each with the reason."""


def loses_transactions(client_id: str) -> bool:
    """Whether a member with this client id can't read transactions, as far as the id shows it."""
    named = _CLIENT.match(client_id)
    return named is not None and tuple(map(int, named[1].split("."))) < _SKIPS_CONTROL_RECORDS


def look(client_config: Mapping[str, Any], topic: str) -> Readers:
    """Find the readers of ``topic``, within some seconds. Raises KafkaException when the broker lists no group."""
    config: dict[str, Any] = {**client_config, "logger": logging.getLogger("librdkafka")}
    admin = AdminClient(config)
    stable = {ConsumerGroupState.STABLE}
    listed = admin.list_consumer_groups(states=stable, request_timeout=_ANSWER_SECONDS).result()
    names = [group.group_id for group in listed.valid]
    if listed.errors and not names:
        raise KafkaException(listed.errors[0])
    groups, losing, unseen = 0, set(), {f"of some broker, {at}": str(exc) for at, exc in enumerate(listed.errors, 1)}
    for name, answer in _described(admin, names):
        if isinstance(answer, str):
            unseen[name] = answer
        elif members := [each.client_id for each in answer.members if topic in _topics(each)]:
            groups += 1
            losing |= {LosingReader(name, client_id) for client_id in members if loses_transactions(client_id)}
    return Readers(groups, frozenset(losing), unseen)


def _described(admin: AdminClient, names: list[str]) -> Iterator[tuple[str, ConsumerGroupDescription | str]]:
    """Each group's description, or why the broker does not give it."""
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        for name, answer in admin.describe_consumer_groups(some, request_timeout=_ANSWER_SECONDS).items():
            try:
                yield name, answer.result()
            except KafkaException as exc:
                yield name, error_of(exc).str()


def _topics(member: MemberDescription) -> set[str]:
    return {place.topic for place in member.assignment.topic_partitions}


class ReaderWatch:
    """Looks for losing readers every five minutes while it is open, in its own thread. Logs each finding once."""

    def __init__(self, client_config: Mapping[str, Any], topic: str) -> None:
        self._config = client_config
        self._topic = topic
        self._over = Event()
        self._said: set[object] = set()
        in_thread("relay-readers", self._run)

    def close(self) -> None:
        """Stop looking, and set the metric to NaN."""
        self._over.set()
        metrics.READERS_LOSING.set(math.nan)

    def _run(self) -> None:
        wait = _FIRST_SECONDS
        while not self._over.wait(wait):
            wait = _SECONDS
            try:
                self._report(look(self._config, self._topic))
            except KafkaException as exc:
                metrics.READERS_LOSING.set(math.nan)
                self._say_unseen("all groups", error_of(exc).str())

    def _report(self, found: Readers) -> None:
        for reader in sorted(found.losing - self._said):
            self._said.add(reader)
            _log.warning("a reader loses events: it can't skip control records", **reader._asdict(), mend=WHAT_TO_DO)
        for group, why in found.unseen.items():
            self._say_unseen(group, why)
        if not self._over.is_set():
            metrics.READERS_LOSING.set(len(found.losing))

    def _say_unseen(self, group: str, why: str) -> None:
        if (group, why) not in self._said:
            self._said.add((group, why))
            _log.info("the readers of the events are not known", group=group, why=why)


metrics.READERS_LOSING.set(math.nan)
