"""The sums behind the tables."""

import pytest

from bench.figures import Reach, Row, per_round, percentile


def test_ratios_are_taken_round_by_round() -> None:
    row = Row(per_round("ours", "/s", [10, 40, 30]), per_round("theirs", "/s", [10, 20, 60]), Reach(1.0))
    assert row.ratios == (1.0, 2.0, 0.5)
    assert (row.ratio, row.met) == (1.0, True)


def test_rounds_of_different_number_are_compared_by_their_medians() -> None:
    row = Row(per_round("ours", "/s", [10, 30, 20]), per_round("theirs", "/s", [40]), Reach(0.6))
    assert (row.ratio, row.met) == (0.5, False)


@pytest.mark.parametrize(("at_most", "ratio", "met"), [(False, 0.5, True), (False, 0.4, False), (True, 0.6, False)])
def test_a_reach_is_a_floor_or_a_ceiling(at_most: bool, ratio: float, met: bool) -> None:
    assert Reach(0.5, at_most=at_most).met(ratio) is met


def test_a_figure_alone_reaches_nothing() -> None:
    row = Row(per_round("ours", "/s", [1.0]))
    assert (row.ratio, row.met) == (None, None)


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, part) for part in (0.5, 0.99, 0.999)] == [51.0, 100.0, 100.0]
    assert percentile([3.0], 0.999) == 3.0


def test_spread_is_part_of_the_median() -> None:
    assert per_round("ours", "s", [9.0, 10.0, 12.0]).spread == pytest.approx(0.3)
