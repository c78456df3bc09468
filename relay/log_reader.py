"""Reads the outbox as a log: every committed row once, a key's rows in commit order, and never behind a gap."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

from relay.gaps import GapTracker, Writers
from relay.positions import Range, Settled, missing, runs

Row = tuple[int, str, str, str, str, bool]
"""Position, topic, key, value, headers as JSON text, replayed. A plain tuple: one per message is made."""

MAX_GAPS_A_LOOK = 2000
"""Gaps of one statement; each costs one descent of the index."""


class OutboxSource(Protocol):
    """Three statements against the outbox, each with a snapshot of its own."""

    def tail(self, after: int, limit: int) -> list[Row]:
        """The first rows above ``after``, ascending; at least one if there is one, at most ``limit``."""

    def writers(self) -> Writers:
        """Every running transaction that may have drawn a position."""

    def look(self, ranges: Sequence[Range], limit: int) -> list[Row]:
        """The first ``limit`` rows inside ``ranges``, ascending."""


class Batch(NamedTuple):
    """Rows to publish in this order, and what is settled before and after them."""

    rows: list[Row]
    before: Settled
    after: Settled
    more: bool
    """Whether another read is likely to find rows at once."""


def settle(settled: Settled, rows: Sequence[Row]) -> Settled:
    """``settled`` and the positions of ``rows``, ascending."""
    if rows and rows[-1][0] - rows[0][0] + 1 == len(rows):
        return settled.add([(rows[0][0], rows[-1][0])])
    return settled.add(runs(row[0] for row in rows))


class LogReader:
    """Reads ahead of the publisher: a batch counts as settled for the next one, so a failed batch ends the reader.

    The order of the statements is what keeps a key's order. The tail is read first, then the running writers, then the
    gaps: whatever was committed before a row of the tail was drawn is found by that look at the latest.
    """

    def __init__(self, source: OutboxSource, settled: Settled, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._settled = settled
        self._gaps = GapTracker()
        self._gaps.note(settled.gaps())
        self._high = settled.high
        self._held: list[Row] = []

    @property
    def open_gaps(self) -> int:
        """How many gaps are waited for."""
        return len(self._gaps)

    @property
    def high(self) -> int:
        """The highest position read."""
        return self._high

    def read(self) -> Batch:
        """The next rows, gaps that were filled among them; empty when there are none now."""
        if not self._held:
            self._read_tail()
        found, dropped = self._look_at_gaps()
        rows = sorted(self._held + found) if found else self._held
        rows, self._held = self._split(rows)
        before = self._settled.add(dropped)
        self._settled = settle(before, rows)
        return Batch(rows, before, self._settled, more=self._gaps.first_due is not None or len(rows) >= self._limit)

    def look_again(self, ranges: Sequence[Range]) -> None:
        """These positions (ascending) were read and not published. They come again, before any row above them."""
        self._settled = self._settled.without(ranges)
        self._gaps.note(ranges)

    def _split(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        """Rows that may go, and those above a gap that has not been looked at and may hide an earlier row."""
        first = self._gaps.first_due
        if first is None:
            return rows, []
        cut = bisect_left(rows, first, key=itemgetter(0))
        return rows[:cut], rows[cut:]

    def _read_tail(self) -> None:
        self._held = self._source.tail(self._high, self._limit)
        if not self._held:
            return
        if self._held[-1][0] - self._high != len(self._held):
            self._gaps.note(missing([row[0] for row in self._held], self._high))
        self._high = self._held[-1][0]

    def _look_at_gaps(self) -> tuple[list[Row], list[Range]]:
        if not self._gaps:
            return [], []
        self._gaps.observe(self._source.writers())
        gaps = self._gaps.due(MAX_GAPS_A_LOOK)
        if not gaps:
            return [], []
        rows = self._source.look([(gap.start, gap.end) for gap in gaps], self._limit)
        dropped = self._gaps.looked(gaps, [row[0] for row in rows], complete=len(rows) < self._limit)
        if rows:
            # A writer found here may have ended after it was seen running, with an earlier row in a gap not due then.
            self._gaps.observe(self._source.writers())
        return rows, dropped
