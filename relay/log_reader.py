"""Reads the outbox as a log: every committed row once, a key's rows in commit order, and never behind a gap."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

from relay.gaps import GapTracker, Writers
from relay.positions import Range, Settled, missing, runs
from relay.receipt import LastRow
from runtime.errors import PaymentServiceError

Row = tuple[int, str, str, str, str, bool]
"""Position, topic, key, value, headers as JSON text, replayed. A plain tuple: one per message is made."""

MAX_GAPS_A_LOOK = 2000
"""Gaps of one statement; each costs one descent of the index."""


class DoubtError(PaymentServiceError):
    """What was read may not be so any more, and positions may be handed out again.

    The next term begins with a comparison of the outbox and what was published.
    """


class LastRowError(DoubtError):
    """The last row that was read is gone, or another one."""


class Found(NamedTuple):
    """What a statement read."""

    last: Row | None
    """What stands at the last position that was read before. It counts for no limit."""
    rows: list[Row]
    """Ascending; at least one if there is one."""
    complete: bool
    """False when a limit of rows or bytes stopped a look: there may be rows above the last one found."""


class OutboxSource(Protocol):
    """Three statements against the outbox, each with a snapshot of its own, each bounded in rows and bytes."""

    def tail(self, last: int, limit: int) -> Found:
        """The row at ``last``, and the first rows above it: at most ``limit``."""

    def writers(self) -> Writers:
        """Every transaction that may have drawn a position and is still running in the statement's own snapshot.

        One that is over in that snapshot is left out even while it holds its locks: its rows can be seen, and so can
        the later rows of whoever waited for it.
        """

    def look(self, ranges: Sequence[Range], last: int, limit: int) -> Found:
        """The row at ``last``, and the first rows inside ``ranges``, all of them below it: at most ``limit``."""


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

    A batch is at most the rows of one tail and one look, in number and in bytes.
    """

    def __init__(self, source: OutboxSource, settled: Settled, limit: int, last: LastRow | None = None) -> None:
        """``last`` is what stands at the highest settled position, None when nothing does."""
        self._source = source
        self._limit = limit
        self._settled = settled
        self._gaps = GapTracker()
        self._gaps.note(settled.gaps())
        self._high = settled.high
        self._last = last
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
        """The next rows, gaps that were filled among them; empty when there are none now.

        Raises LastRowError when the last row read before is gone or another one.
        """
        if not self._held:
            self._read_tail()
        found, dropped = self._look_at_gaps()
        rows = self._released(found)
        before = self._settled.add(dropped)
        self._settled = settle(before, rows)
        return Batch(rows, before, self._settled, more=self._gaps.first_due is not None or len(rows) >= self._limit)

    def _released(self, found: list[Row]) -> list[Row]:
        """Rows that may go. Others lie above a gap that has not been looked at and may hide an earlier row.

        Of those, rows of the tail are held, and rows of the look are looked for again: nothing piles up.
        """
        found, again = self._split(found)
        self._gaps.look_again([row[0] for row in again])
        rows, self._held = self._split(self._held)
        return sorted(rows + found) if found else rows

    def look_again(self, ranges: Sequence[Range]) -> None:
        """These positions (ascending) were read and not published. They come again, before any row above them."""
        self._settled = self._settled.without(ranges)
        self._gaps.note(ranges)

    def _split(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        first = self._gaps.first_due
        if first is None:
            return rows, []
        cut = bisect_left(rows, first, key=itemgetter(0))
        return rows[:cut], rows[cut:]

    def _read_tail(self) -> None:
        last, rows, _ = self._source.tail(self._high, self._limit)
        self._compare(last)
        if not rows:
            return
        if rows[-1][0] - self._high != len(rows):
            self._gaps.note(missing([row[0] for row in rows], self._high))
        self._held = rows
        self._high, self._last = rows[-1][0], LastRow.of(rows[-1])

    def _compare(self, last: Row | None) -> None:
        """While it stands, no position up to it was handed out again: what was read with it is of one history."""
        if (last and LastRow.of(last)) != self._last:
            raise LastRowError(f"the row at position {self._high} is not the one that was read")

    def _look_at_gaps(self) -> tuple[list[Row], list[Range]]:
        if not self._gaps:
            return [], []
        self._gaps.observe(self._source.writers())
        gaps = self._gaps.due(MAX_GAPS_A_LOOK)
        if not gaps:
            return [], []
        last, rows, complete = self._source.look([(gap.start, gap.end) for gap in gaps], self._high, self._limit)
        self._compare(last)
        dropped = self._gaps.looked(gaps, [row[0] for row in rows], complete=complete)
        if rows:
            # A writer found here may have ended after it was seen running, with an earlier row in a gap not due then.
            self._gaps.observe(self._source.writers())
        return rows, dropped
