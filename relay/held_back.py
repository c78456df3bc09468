"""Holds back rows whose topic can't be had, so that all others go on.

A row held back is not settled: receipt and checkpoint leave its position out, so a relay that starts finds it again.
Once its topic exists the row is read again, before any later row.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from relay import metrics
from relay.destinations import Destinations
from relay.gaps import HeldGaps
from relay.log_reader import Batch, LogReader, Row
from relay.positions import Range, joined, runs
from runtime.logs import get_logger
from runtime.plurals import number_of

_log = get_logger(__name__)
_ASK_SECONDS = 5.0
_MAX_RANGES = 4000
"""Ranges of positions held back; a receipt has room for about as many. Rows beyond go to the dead letters."""

_MAX_TOPICS = 100


class HeldBackReader:
    """Reads as the log reader does, without the rows held back."""

    def __init__(
        self, reader: LogReader, destinations: Destinations, report: Callable[[Mapping[str, str]], None]
    ) -> None:
        """At each change ``report`` gets the topics that rows wait for, each with the reason."""
        self._reader = reader
        self._destinations = destinations
        self._report = report
        self._held_back: dict[str, list[Range]] = {}
        self._all: list[Range] = []
        self._ask_at = 0.0

    @property
    def open_gaps(self) -> int:
        """The log reader's number of gaps."""
        return self._reader.open_gaps

    def held_gaps(self) -> HeldGaps | None:
        """The log reader's gaps that running transactions may still fill."""
        return self._reader.held_gaps()

    def read(self) -> Batch:
        """The next rows that have a topic. The settled positions of the batch leave out the rows held back."""
        if self._held_back and time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + _ASK_SECONDS
            self._take_back()
        batch = self._reader.read()
        away = self._to_wait(batch.rows)
        for topic in sorted(away):
            self._hold_back(topic, runs(row[0] for row in batch.rows if row[1] == topic))
        if not self._all:
            return batch
        rows = [row for row in batch.rows if row[1] not in away] if away else batch.rows
        return batch._replace(rows=rows, before=batch.before.without(self._all), after=batch.after.without(self._all))

    def _to_wait(self, rows: Sequence[Row]) -> set[str]:
        """The topics among ``rows`` that can't be had, as far as there is room for rows that wait."""
        lost = {topic for topic in {row[1] for row in rows} if self._destinations.fault(topic) is not None}
        if not lost or len(self._all) >= _MAX_RANGES:
            return set()
        new = sorted(topic for topic in lost - self._held_back.keys() if self._destinations.is_name(topic))
        return (lost & self._held_back.keys()) | set(new[: max(0, _MAX_TOPICS - len(self._held_back))])

    def _hold_back(self, topic: str, ranges: Iterable[Range]) -> None:
        if topic not in self._held_back:
            _log.warning("rows wait for their topic", topic=topic, why=self._destinations.fault(topic))
            self._ask_at = time.monotonic() + _ASK_SECONDS
        self._held_back[topic] = list(joined(sorted([*self._held_back.get(topic, []), *ranges])))
        metrics.ASIDE.labels(topic).set(_count(self._held_back[topic]))
        self._report_all()

    def _take_back(self) -> None:
        """Let the reader read rows again whose topic exists by now."""
        existing = self._destinations.existing()
        for topic in [topic for topic in self._held_back if topic in existing]:
            if self._destinations.fault(topic) is None:
                ranges = self._held_back.pop(topic)
                _log.info("a topic that rows waited for is there", topic=topic, rows=_count(ranges))
                self._reader.look_again(ranges)
                metrics.ASIDE.remove(topic)
                self._report_all()

    def _report_all(self) -> None:
        self._all = list(joined(sorted(each for ranges in self._held_back.values() for each in ranges)))
        self._report(
            {
                topic: f"{self._destinations.fault(topic)}; {number_of(_count(ranges), 'row waits', 'rows wait')}"
                for topic, ranges in self._held_back.items()
            }
        )

    def close(self) -> None:
        """Forget the rows held back; the next reader finds them again."""
        for topic in self._held_back:
            metrics.ASIDE.remove(topic)


def _count(ranges: Iterable[Range]) -> int:
    return sum(end - start + 1 for start, end in ranges)
