"""Counts the records that wait, and raises an alarm for a partition: unknown lag, or records that do not come."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from consumer.metrics import LAG
from consumer.offsets import Partition, Reach
from runtime.plurals import number_of

UNKNOWN = -1
_PATIENCE = 30.0


class Lag:
    """The lag of our partitions, by librdkafka's statistics (librdkafka manual, STATISTICS.md)."""

    def __init__(
        self,
        reach: Callable[[], Mapping[Partition, Reach]],
        is_full: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``is_full`` returns whether our partitions are paused."""
        self._reach = reach
        self._is_full = is_full
        self._clock = clock
        self._still: dict[Partition, tuple[int, int | None, float]] = {}  # Lag, position, and time of the last change.

    def update(self, topics: Mapping[str, Any]) -> None:
        """Take statistics by topic: set the metric, and note how long each partition has not moved."""
        reach, now = self._reach(), self._clock()
        for topic, number in self._still.keys() - reach.keys():
            LAG.remove(topic, str(number))
        still: dict[Partition, tuple[int, int | None, float]] = {}
        for (topic, number), at in reach.items():
            lag = _lag(at, topics.get(topic, {}).get("partitions", {}).get(str(number), {}))
            LAG.labels(topic, str(number)).set(lag)
            stays = lag == UNKNOWN or (lag > 0 and not at.busy and not self._is_full())
            before = self._still.get((topic, number))
            same = (
                before is not None
                and stays
                and (before[0] == UNKNOWN) == (lag == UNKNOWN)
                and before[1] == at.following
            )
            still[topic, number] = (lag, at.following, before[2] if before is not None and same else now)
        self._still = still

    def fault(self) -> str | None:
        """A partition whose lag is unknown, or whose records do not come, for more than half a minute; or None."""
        now = self._clock()
        for (topic, number), (lag, _, since) in self._still.items():
            seconds = now - since
            if lag != 0 and seconds > _PATIENCE:
                waiting = number_of(lag, "record waits", "records wait")
                what = "the lag is not known" if lag == UNKNOWN else f"{waiting} and none comes"
                return f"kafka: {topic}[{number}]: {what}, for {seconds:.0f} s"
        return None


def _lag(at: Reach, statistics: Mapping[str, Any]) -> int:
    """The records behind our position. 0 if all are read and done: only markers of transactions follow then."""
    end = statistics.get("ls_offset", -1)
    if at.position is None or end < 0:
        return UNKNOWN
    # The count is that of one queue of all our partitions. A marker that left the queue moves app_offset past it.
    is_taken = statistics.get("fetchq_cnt", 1) == 0 or statistics.get("app_offset", -1) >= end
    is_read = statistics.get("next_offset", -1) >= end and is_taken
    return 0 if is_read and not at.busy else max(end - at.position, 0)
