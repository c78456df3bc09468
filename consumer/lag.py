"""How many records wait, and which partitions have an alarm: unknown lag, or records that do not come."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from consumer.metrics import LAG
from consumer.offsets import Partition, Reach

UNKNOWN = -1
_PATIENCE = 30.0


class Lag:
    """Fed with librdkafka's statistics of our partitions (librdkafka manual, STATISTICS.md)."""

    def __init__(
        self,
        reach: Callable[[], Mapping[Partition, Reach]],
        is_full: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``is_full``: whether our partitions are paused, so that none of them goes on."""
        self._reach = reach
        self._is_full = is_full
        self._clock = clock
        self._still: dict[Partition, tuple[int, int | None, float]] = {}  # Lag and place, and since when it is so.

    def tell(self, topics: Mapping[str, Any]) -> None:
        """The metric, and for how long nothing has moved."""
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
        """A partition whose lag is not known, or whose records do not come, for half a minute."""
        now = self._clock()
        for (topic, number), (lag, _, since) in self._still.items():
            seconds = now - since
            if lag != 0 and seconds > _PATIENCE:
                what = "the lag is not known" if lag == UNKNOWN else f"{lag} records wait and none comes"
                return f"kafka: {topic}[{number}]: {what}, for {seconds:.0f} s"
        return None


def _lag(at: Reach, statistics: Mapping[str, Any]) -> int:
    """Where all is read and done, 0: what lies behind our position then are a transaction's markers."""
    end = statistics.get("ls_offset", -1)
    if at.position is None or end < 0:
        return UNKNOWN
    is_read = statistics.get("next_offset", -1) >= end and statistics.get("fetchq_cnt", 1) == 0
    return 0 if is_read and not at.busy else max(end - at.position, 0)
