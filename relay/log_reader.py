"""Reads the outbox as a log: each committed row once, a key's rows in commit order, and without waiting for gaps."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

from relay.gaps import GapTracker, HeldGaps, Writers
from relay.positions import Range, Settled, missing, runs
from relay.receipt import LastRow
from runtime.errors import PaymentServiceError

Row = tuple[int, str, str, str, str, bool, int]
"""Position, topic, key, value, headers as JSON text, replayed, created at (ms since 1970, the database's clock).

A plain tuple, because each message needs one.
"""

CREATED_AT = itemgetter(6)
"""The time of a row in milliseconds: the begin of the transaction that wrote it."""

MAX_GAPS_A_LOOK = 2000
"""Gaps in one statement; each costs one descent of the index."""


class DoubtError(PaymentServiceError):
    """Rows that were read may have changed since, and positions may be handed out again.

    The next term begins with a comparison of the outbox and the topics.
    """


class LastRowError(DoubtError):
    """The last row that was read is gone, or has changed."""


class Found(NamedTuple):
    """The result of a statement."""

    last: Row | None
    """The row at the last position that was read before. It does not count towards limits."""
    rows: list[Row]
    """Ascending; at least one row if there is any."""
    complete: bool
    """False when a limit of rows or bytes stopped a look: there may be rows above the last one found."""


class OutboxSource(Protocol):
    """Three statements against the outbox, each with its own snapshot, each bounded in rows and bytes."""

    def tail(self, last: int, limit: int) -> Found:
        """The row at ``last``, and the first rows above it, at most ``limit``."""

    def writers(self) -> Writers:
        """Every transaction that may have drawn a position and is still running in the statement's own snapshot.

        A transaction that is over in that snapshot is left out even while it holds its locks: its rows are visible, and
        so are later rows of a transaction that waited for it.
        """

    def look(self, ranges: Sequence[Range], last: int, limit: int) -> Found:
        """The row at ``last``, and the first rows inside ``ranges``, at most ``limit``. Ranges are below ``last``."""


class Batch(NamedTuple):
    """Rows to publish in this order, and the settled positions before and after them."""

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

    The order of the statements keeps a key's order. The tail is read first, then the running writers, then the gaps. So
    that look finds, at the latest, every row that was committed before a row of the tail drew its position.

    A batch is at most the rows of one tail and one look, in number and in bytes.
    """

    def __init__(self, source: OutboxSource, settled: Settled, limit: int, last: LastRow | None = None) -> None:
        """``last`` is the row at the highest settled position; None when there is no row."""
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
        """The number of gaps that may still be filled."""
        return len(self._gaps)

    def held_gaps(self) -> HeldGaps | None:
        """The gaps that running transactions may still fill; None when there are none."""
        return self._gaps.held()

    @property
    def high(self) -> int:
        """The highest position read."""
        return self._high

    def read(self) -> Batch:
        """The next rows, among them rows that filled gaps; empty when there are none now.

        Raises LastRowError when the last row read before is gone or has changed.
        """
        if not self._held:
            self._read_tail()
        found, dropped = self._look_at_gaps()
        rows = self._released(found)
        before = self._settled.add(dropped)
        self._settled = settle(before, rows)
        return Batch(rows, before, self._settled, more=self._gaps.first_due is not None or len(rows) >= self._limit)

    def _released(self, found: list[Row]) -> list[Row]:
        """The rows that may be published. The others lie above a due gap, which may hide an earlier row of their key.

        Of these others, rows of the tail are kept, and rows of the look are looked for again, so memory stays bounded.
        """
        found, again = self._split(found)
        self._gaps.look_again([row[0] for row in again])
        rows, self._held = self._split(self._held)
        return sorted(rows + found) if found else rows

    def look_again(self, ranges: Sequence[Range]) -> None:
        """Read ``ranges`` (ascending) again: their rows were not published. They come before any row above them."""
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
        """While the last row is unchanged, no position up to it was handed out again: all rows are of one history."""
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
            # A writer whose row was found may have ended after it was seen running, and filled an earlier gap that was
            # not due then.
            self._gaps.observe(self._source.writers())
        return rows, dropped
