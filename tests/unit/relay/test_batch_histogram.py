"""The histogram that counts a batch at once agrees with one that counts each observation."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from relay.batch_histogram import BatchHistogram

BOUNDS = (0.5, 1.0, 30.0)
NOW = 2_000.0

ages = st.integers(0, 800).map(lambda eighths: eighths / 8)
"""Binary fractions: no difference of times is rounded, so an age on a bound lies on it for both."""


def samples(histogram: object) -> dict[tuple[str, str], float]:
    """Name and bucket to value, without the time of the client's own making."""
    registry = CollectorRegistry()
    registry.register(histogram)  # type: ignore[arg-type]
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@settings(deadline=None)
@given(st.lists(st.lists(ages)))
def test_batches_are_counted_as_single_observations_are(batches: list[list[float]]) -> None:
    batched = BatchHistogram("seconds", "Words", BOUNDS)
    single = Histogram("seconds", "Words", buckets=BOUNDS, registry=None)
    for batch in batches:
        begun = [NOW - age for age in batch]
        batched.observe(begun, NOW)
        for each in begun:
            single.observe(NOW - each)
    found, wanted = samples(batched), samples(single)
    assert found.keys() == wanted.keys()
    assert all(math.isclose(found[name], wanted[name], abs_tol=1e-6) for name in wanted)


def test_times_of_a_clock_that_was_set_back_and_times_that_are_none_spoil_nothing() -> None:
    histogram = BatchHistogram("seconds", "Words", BOUNDS)
    histogram.observe([NOW + 7.0, math.inf, -math.inf], NOW)
    found = samples(histogram)
    assert (found["seconds_count", ""], found["seconds_sum", ""]) == (3, NOW)
    assert found["seconds_bucket", "0.5"] == 2
