"""The histogram of batches agrees with a histogram of single observations."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from relay.batch_histogram import BatchHistogram

BOUNDS = (0.5, 1.0, 30.0)
NOW = 2_000.0

ages = st.integers(0, 800).map(lambda eighths: eighths / 8)
"""Binary fractions. No difference of times is rounded, so both histograms count an age on a bound alike."""


def samples(histogram: object) -> dict[tuple[str, str], float]:
    """The values by name and bucket, without the client's own time of creation."""
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
def test_batch_and_single_observations_give_the_same_histogram(batches: list[list[float]]) -> None:
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


def test_negative_and_invalid_ages_do_not_distort_the_histogram() -> None:
    histogram = BatchHistogram("seconds", "Words", BOUNDS)
    histogram.observe([NOW + 7.0, math.inf, -math.inf], NOW)
    found = samples(histogram)
    assert (found["seconds_count", ""], found["seconds_sum", ""]) == (3, NOW)
    assert found["seconds_bucket", "0.5"] == 2
