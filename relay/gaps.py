"""Missing positions and the writers that may still fill them.

A writer draws a position inside its transaction. If a read sees a later position and misses an earlier one, the earlier
one belongs to a transaction that was running then. Its row appears at the commit, or never (rollback). It never appears
if every writer that was running after that read is over, and a later read still misses it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from relay.positions import Range, Settled, runs

Writers = frozenset[int]
"""Transactions that have written to the outbox and are not over."""


class Gap(NamedTuple):
    """A missing range and the writers that may still fill it."""

    start: int
    end: int
    writers: Writers


class HeldGaps(NamedTuple):
    """The gaps that running transactions may still fill."""

    position: int
    """The lowest missing position."""

    writers: Writers


class GapTracker:
    """Keeps gaps until one of their writers is over; then they are due for another look."""

    def __init__(self) -> None:
        self._unobserved: list[Range] = []
        self._waiting: dict[Writers, list[Range]] = {}
        self._due: list[Gap] = []

    def __len__(self) -> int:
        return len(self._unobserved) + len(self._due) + sum(map(len, self._waiting.values()))

    def note(self, ranges: Sequence[Range]) -> None:
        """Note missing positions. Call this before the writers that may fill them are read for ``observe``."""
        self._unobserved += ranges

    def observe(self, running: Writers) -> None:
        """Make gaps due that may have changed, given the writers running after the read that noted the last gaps."""
        due = [Gap(start, end, running) for start, end in self._unobserved]
        self._unobserved = []
        for writers in [w for w in self._waiting if not w <= running]:
            due += [Gap(start, end, writers & running) for start, end in self._waiting.pop(writers)]
        if due:
            self._due = sorted(self._due + due)

    def due(self, limit: int) -> list[Gap]:
        """The lowest ``limit`` gaps to look at, ascending: else a key's later row could overtake an earlier one."""
        return self._due[:limit]

    @property
    def first_due(self) -> int | None:
        """The lowest position that may be committed by now and that no look has covered."""
        return self._due[0].start if self._due else None

    def held(self) -> HeldGaps | None:
        """The gaps that wait for a writer; None when there are none."""
        if not self._waiting:
            return None
        lowest = min(start for ranges in self._waiting.values() for start, _ in ranges)
        return HeldGaps(lowest, frozenset().union(*self._waiting))

    def looked(self, gaps: Sequence[Gap], found: Sequence[int], *, complete: bool) -> list[Range]:
        """Record a look at ``gaps`` (as ``due`` gave them) made after ``observe``. Returns ranges never to be filled.

        ``complete`` is false when a limit stopped the look: gaps above the last row found stay due.
        """
        upto = math.inf if complete else found[-1]
        rest = self._due[len(gaps) :]
        dropped: list[Range] = []
        positions = iter([*found, math.inf])
        position = next(positions)
        unseen: list[Gap] = []
        for gap in gaps:
            inside: list[int] = []
            while position <= gap.end:
                inside.append(int(position))
                position = next(positions)
            for start, end in _left(gap, inside):
                if start > upto:
                    unseen.append(Gap(start, end, gap.writers))
                elif gap.writers:
                    self._waiting.setdefault(gap.writers, []).append((start, end))
                else:
                    dropped.append((start, end))
        self._due = unseen + rest
        return dropped

    def look_again(self, positions: Sequence[int]) -> None:
        """Make ``positions`` gaps again, and due: a look found their rows, but the reader put them back."""
        if positions:
            self._due = sorted(self._due + [Gap(start, end, frozenset()) for start, end in runs(positions)])


def _left(gap: Gap, found: Sequence[int]) -> list[Range]:
    """The ranges of the gap that are still missing."""
    if not found:
        return [(gap.start, gap.end)]
    left = Settled(gap.start - 1).add(runs(found)).gaps()
    return left if found[-1] == gap.end else [*left, (found[-1] + 1, gap.end)]
