"""``doctor``: the consumer group: its rights, its members, and the commands that wait or were deleted unread."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from commandline.check_kafka import ANSWER_SECONDS, admin_of, is_denied
from commandline.checks import Finding
from runtime.plurals import number_of

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

    from consumer.settings import GroupSettings

T = TypeVar("T")
CHECK = "group"
_START = "start cli.py consume"


class Place(NamedTuple):
    """A partition of the commands topic: its stored offsets, and the group's committed offset (None: none yet)."""

    partition: int
    low: int
    high: int
    committed: int | None

    @property
    def next(self) -> int:
        """What is read next; a new group starts at the earliest."""
        return self.low if self.committed is None else max(self.low, self.committed)

    @property
    def waiting(self) -> int:
        """Offsets that are not done; some may be markers of transactions."""
        return max(0, self.high - self.next)


def check_group(settings: "GroupSettings") -> Iterator[Finding]:
    """Checks coordination, rights and members, commands deleted unread, and commands that wait without a member."""
    from confluent_kafka import KafkaException

    from runtime.coordination import GROUPS, why_not
    from runtime.topic_policies import returns_settings

    admin, group = admin_of(settings), settings.consumer_group_id
    if not returns_settings(admin.list_topics(timeout=ANSWER_SECONDS)):
        return
    reader = _reader(settings)
    try:
        description = _patiently(lambda: _described(admin, group))
        places = _patiently(lambda: _places(reader, settings.payment_commands_topic))
        yield from _rights(group, description.authorized_operations)
        yield from _lost(settings.payment_commands_topic, places)
        yield _read(settings, len(description.members), reader, places)
    except KafkaException as exc:
        error = exc.args[0]
        if is_denied(error):
            yield Finding("rights", f"the group {group}: {error.str()}", _allow(group))
        else:
            why = why_not(settings.client_config(), GROUPS) or error.str()
            yield Finding(CHECK, f"{group} can't be had: {why}", "correct the brokers' settings")
    finally:
        reader.close()


def _patiently(ask: Callable[[], T]) -> T:
    """A coordinator that was just found may not know yet that it is one. Raises KafkaException."""
    from confluent_kafka import KafkaError, KafkaException

    until = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            return ask()
        except KafkaException as exc:
            error = exc.args[0]
            passes = error.retriable() or error.code() == KafkaError.NOT_COORDINATOR
            if not passes or time.monotonic() > until:
                raise
            time.sleep(0.1)


def _described(admin: "AdminClient", group: str) -> Any:
    asked = admin.describe_consumer_groups([group], include_authorized_operations=True, request_timeout=ANSWER_SECONDS)
    return asked[group].result()


def _rights(group: str, allowed: list[Any] | None) -> Iterator[Finding]:
    """``allowed`` is None if the broker does not return it."""
    from confluent_kafka.admin._acl import AclOperation

    if allowed is not None and AclOperation.READ not in allowed:
        yield Finding("rights", f"this user lacks Read on the group {group}", _allow(group))


def _allow(group: str) -> str:
    return f"give this user Read on the group {group}"


def _reader(settings: "GroupSettings") -> "Consumer":
    """Asks as the group, and joins and commits nothing."""
    from confluent_kafka import Consumer

    ours = {"group.id": settings.consumer_group_id, "enable.auto.commit": False, "enable.partition.eof": True}
    config: dict[str, Any] = {**settings.client_config(), **ours, "log_level": 0}
    return Consumer(config)


def _places(reader: "Consumer", topic: str) -> list[Place]:
    """None where there is no topic yet. Raises KafkaException."""
    from confluent_kafka import KafkaException, TopicPartition

    known = reader.list_topics(timeout=ANSWER_SECONDS).topics.get(topic)
    partitions = [TopicPartition(topic, number) for number in (known.partitions if known is not None else ())]
    found = []
    for at in reader.committed(partitions, ANSWER_SECONDS) if partitions else ():
        if at.error is not None:
            raise KafkaException(at.error)
        low, high = reader.get_watermark_offsets(TopicPartition(topic, at.partition), timeout=ANSWER_SECONDS)
        found.append(Place(at.partition, low, high, at.offset if at.offset >= 0 else None))
    return found


def _lost(topic: str, places: list[Place]) -> Iterator[Finding]:
    for number, low, high, committed in places:
        if committed is not None and committed < low:
            detail = f"{topic}[{number}]: {number_of(low - committed, 'record')} deleted unread"
            mend = "have their senders send again; keep records longer (retention.ms), and let cli.py consume run"
            yield Finding("unread commands", detail, mend)
        elif committed is not None and committed > high:
            detail = (
                f"{topic}[{number}] ends at {high}, and was read up to {committed}: made anew, or records were lost"
            )
            yield Finding("unread commands", detail, "cli.py consume reads it again from its start", warning=True)


def _read(settings: "GroupSettings", members: int, reader: "Consumer", places: list[Place]) -> Finding:
    waiting = [place for place in places if place.waiting]
    topic, number = settings.payment_commands_topic, sum(place.waiting for place in waiting)
    if members:
        readers = number_of(members, "consumer reads", "consumers read")
        left = number_of(number, "record is", "records are")
        return Finding(CHECK, f"{readers} {topic}, and at most {left} not done")
    if waiting and _holds_a_record(reader, topic, waiting):
        left = number_of(number, "command waits", "commands wait")
        return Finding(CHECK, f"nobody reads {topic}, and up to {left}", _START)
    return Finding(CHECK, f"nobody reads {topic} now; nothing waits there", _START, warning=True)


def _holds_a_record(reader: "Consumer", topic: str, waiting: list[Place]) -> bool:
    """And not only markers of transactions, which take up offsets, too. Where that does not show in time, it does."""
    from confluent_kafka import TopicPartition

    reader.assign([TopicPartition(topic, place.partition, place.next) for place in waiting])
    ends, until = set[int | None](), time.monotonic() + ANSWER_SECONDS
    while len(ends) < len(waiting) and time.monotonic() < until:
        message = reader.poll(0.2)
        if message is None:
            continue
        if message.error() is None:
            return True
        ends.add(message.partition())
    return len(ends) < len(waiting)
