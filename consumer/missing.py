"""Reports records that were lost, and topics made again, in the log, a metric and, for a minute, in /ready."""

import time
from collections.abc import Callable

from consumer.metrics import EXCHANGED, SKIPPED
from consumer.offsets import Partition
from runtime.logs import get_logger
from runtime.plurals import number_of

_log = get_logger(__name__)
_SAID_FOR = 60.0


class Missing:
    """The polling thread reports here; any thread may ask for the fault."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}
        self._exchanged: set[tuple[Partition, str]] = set()

    def skipped(self, partition: Partition, first: int, low: int) -> None:
        """Report that retention deleted the offsets from ``first`` to before ``low``. Some may have been markers."""
        topic, number = partition
        SKIPPED.labels(topic, str(number)).inc(low - first)
        _log.error(
            "records deleted before they were read",
            topic=topic,
            partition=number,
            skipped=low - first,
            first=first,
            last=low - 1,
        )
        self._say(f"kafka: {topic}[{number}]: {number_of(low - first, 'record')} deleted unread")

    def truncated(self, partition: Partition, expected: int, high: int) -> None:
        """Report that the partition ends before our position: it has lost records, and is read from its beginning."""
        topic, number = partition
        _log.error("the log ends before our position", topic=topic, partition=number, position=expected, end=high)
        self._say(f"kafka: {topic}[{number}] ends at {high}, and was read up to {expected}; it is read from its start")

    def exchanged(self, partition: Partition, topic_id: str) -> None:
        """Report that the name belongs to another topic now, whose offsets are unrelated to the old ones. Once each."""
        if (partition, topic_id) in self._exchanged:
            return
        self._exchanged.add((partition, topic_id))
        topic, number = partition
        EXCHANGED.labels(topic).inc()
        _log.error("another topic of the same name", topic=topic, partition=number, topic_id=topic_id)
        self._say(f"kafka: {topic}[{number}] is another topic of the same name; it is read from its start")

    def fault(self) -> str | None:
        """The reports of the last minute; None when there are none."""
        now = self._clock()
        return "; ".join(text for text, until in list(self._said.items()) if now < until) or None

    def _say(self, text: str) -> None:
        now = self._clock()
        self._said = {old: until for old, until in self._said.items() if now < until} | {text: now + _SAID_FOR}
