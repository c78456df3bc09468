"""A Prometheus histogram that takes a whole batch at once. The client's own costs a call and a lock for each row."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from threading import Lock

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class BatchHistogram(Collector):
    """Counts ages in buckets. Any thread may call its methods."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float]) -> None:
        """``bounds`` are the upper bounds of the buckets in seconds, ascending; the last bucket has none."""
        self._name = name
        self._documentation = documentation
        self._bounds = bounds
        self._within = [0] * len(bounds)
        self._count = 0
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, begun: Sequence[float], now: float) -> None:
        """Count the ages at ``now`` of everything that began at the times ``begun``. A later time counts as ``now``."""
        if not begun:
            return
        times = sorted(begun)
        if times[-1] > now or times[0] < 0.0:
            # A clock that was set back, or a row whose time is no time: infinity would distort the sum forever.
            times = [min(max(time, 0.0), now) for time in times]
        count, total = len(times), len(times) * now - sum(times)
        within = [count - bisect_left(times, now - bound) for bound in self._bounds]
        with self._lock:
            self._count += count
            self._sum += total
            self._within = [before + more for before, more in zip(self._within, within, strict=True)]

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The sample that Prometheus reads."""
        with self._lock:
            buckets = [(str(bound), within) for bound, within in zip(self._bounds, self._within, strict=True)]
            count, total = self._count, self._sum
        yield HistogramMetricFamily(
            self._name, self._documentation, buckets=[*buckets, ("+Inf", count)], sum_value=total
        )
