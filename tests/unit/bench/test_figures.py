"""The calculations behind the tables of results."""

import pytest

from bench.figures import Reach, Row, per_round, percentile


def test_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    row = Row(per_round("ours", "/s", [10, 40, 30]), per_round("theirs", "/s", [10, 20, 60]), Reach(1.0))
    assert row.ratios == (1.0, 2.0, 0.5)
    assert (row.ratio, row.met) == (1.0, True)


def test_medians_are_compared_if_the_numbers_of_rounds_differ() -> None:
    row = Row(per_round("ours", "/s", [10, 30, 20]), per_round("theirs", "/s", [40]), Reach(0.6))
    assert (row.ratio, row.met) == (0.5, False)


@pytest.mark.parametrize(("at_most", "ratio", "met"), [(False, 0.5, True), (False, 0.4, False), (True, 0.6, False)])
def test_target_is_a_minimum_or_a_maximum(at_most: bool, ratio: float, met: bool) -> None:
    assert Reach(0.5, at_most=at_most).met(ratio) is met


def test_measurement_without_a_baseline_meets_no_target() -> None:
    row = Row(per_round("ours", "/s", [1.0]))
    assert (row.ratio, row.met) == (None, None)


def test_percentile_is_one_of_the_measured_values() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, part) for part in (0.5, 0.99, 0.999)] == [51.0, 100.0, 100.0]
    assert percentile([3.0], 0.999) == 3.0


def test_spread_is_relative_to_the_median() -> None:
    assert per_round("ours", "s", [9.0, 10.0, 12.0]).spread == pytest.approx(0.3)
