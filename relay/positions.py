"""The settled positions of the outbox: all up to ``low``, and ranges above it.

A settled position is published, kept as a dead letter, or never to be filled.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

Range = tuple[int, int]
"""First and last position, both inside."""


def runs(positions: Iterable[int]) -> list[Range]:
    """Ascending positions as ranges: 1 2 3 7 → (1, 3) (7, 7)."""
    found: list[Range] = []
    for position in positions:
        if found and position == found[-1][1] + 1:
            found[-1] = (found[-1][0], position)
        else:
            found.append((position, position))
    return found


def joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """Ascending ranges; ranges that touch or overlap become one."""
    current: Range | None = None
    for start, end in ranges:
        if current is None:
            current = (start, end)
        elif start <= current[1] + 1:
            current = (current[0], max(current[1], end))
        else:
            yield current
            current = (start, end)
    if current is not None:
        yield current


class Settled(NamedTuple):
    """An immutable set of settled positions."""

    low: int = 0
    above: tuple[Range, ...] = ()

    @property
    def high(self) -> int:
        """The highest settled position."""
        return self.above[-1][1] if self.above else self.low

    def add(self, ranges: Sequence[Range]) -> "Settled":
        """This set and ``ranges`` (ascending)."""
        if not ranges:
            return self
        if ranges[0][0] > self.high:
            # The usual batch lies above all known ranges: only the seam needs joining.
            seam = [*self.above[-1:], *ranges]
            above = (*self.above[:-1], *joined(seam))
        else:
            above = tuple(joined(sorted((*self.above, *ranges))))
        return _lifted(self.low, above)

    def without(self, ranges: Sequence[Range]) -> "Settled":
        """This set less ``ranges`` (ascending, disjoint)."""
        if not ranges:
            return self
        low = min(self.low, ranges[0][0] - 1)
        return _lifted(low, tuple(_less([(low + 1, self.low), *self.above], ranges)))

    def gaps(self) -> list[Range]:
        """The missing ranges between ``low`` and ``high``."""
        ends = [self.low, *(end for _, end in self.above)]
        return [(end + 1, start - 1) for end, (start, _) in zip(ends, self.above, strict=False)]


def _lifted(low: int, above: tuple[Range, ...]) -> Settled:
    lifted = 0
    while lifted < len(above) and above[lifted][0] <= low + 1:
        low = max(low, above[lifted][1])
        lifted += 1
    return Settled(low, above[lifted:] if lifted else above)


def _less(ranges: Iterable[Range], taken: Sequence[Range]) -> Iterator[Range]:
    """Ascending ``ranges`` less those ``taken``, ascending too."""
    first = 0
    for start, end in ranges:
        while first < len(taken) and taken[first][1] < start:
            first += 1
        at, begin = first, start
        while at < len(taken) and taken[at][0] <= end:
            if taken[at][0] > begin:
                yield begin, taken[at][0] - 1
            begin = taken[at][1] + 1
            at += 1
        if begin <= end:
            yield begin, end


def missing(positions: Sequence[int], after: int) -> list[Range]:
    """The ranges that ascending ``positions`` leave out above ``after``, up to the last of them."""
    return Settled(after).add(runs(positions)).gaps()
