"""Sets of positions behave like sets of integers."""

import hypothesis.strategies as st
from hypothesis import given

from relay.positions import Range, Settled, missing, runs

POSITIONS = st.sets(st.integers(1, 60), max_size=30)


def members(settled: Settled) -> set[int]:
    return set(range(1, settled.low + 1)).union(*(range(start, end + 1) for start, end in settled.above))


def as_ranges(positions: set[int]) -> list[Range]:
    return runs(sorted(positions))


@given(st.lists(POSITIONS, max_size=5))
def test_adding_is_union(additions: list[set[int]]) -> None:
    settled = Settled()
    for positions in additions:
        settled = settled.add(as_ranges(positions))
    everything = set().union(*additions)
    assert members(settled) == everything
    assert settled.high == max(everything, default=0)
    assert all(start > settled.low + 1 for start, _ in settled.above)


@given(POSITIONS)
def test_gaps_are_the_missing_positions_below_the_highest(positions: set[int]) -> None:
    settled = Settled().add(as_ranges(positions))
    gaps = {position for start, end in settled.gaps() for position in range(start, end + 1)}
    assert gaps == set(range(1, settled.high + 1)) - positions


@given(POSITIONS, st.integers(0, 10))
def test_missing_ranges_are_counted_from_the_given_position(positions: set[int], shift: int) -> None:
    shifted = [position + shift for position in sorted(positions)]
    found = {position for start, end in missing(shifted, shift) for position in range(start, end + 1)}
    assert found == set(range(shift + 1, max(shifted, default=0) + 1)) - set(shifted)


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_without_is_set_difference(settled: set[int], taken: set[int]) -> None:
    def as_set(positions: set[int]) -> Settled:
        return Settled().add(runs(sorted(positions)))

    assert as_set(settled).without(runs(sorted(taken))) == as_set(settled - taken)
