"""A receipt is unchanged after it was written as metadata and read again, or it says that it is partial."""

import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from relay.positions import Settled, runs
from relay.receipt import MAX_METADATA, Epoch, LastRow, Receipt

EPOCH = Epoch(7711392592877457352, 3)


@given(st.integers(0, 2**62), st.sets(st.integers(2, 5000), max_size=60), st.booleans(), st.booleans())
def test_a_receipt_is_the_same_after_writing_and_reading(
    low: int, above: set[int], has_last_row: bool, partial: bool
) -> None:
    settled = Settled(low).add([(low + start, low + end) for start, end in runs(sorted(above)) if start > 1])
    receipt = Receipt(settled, EPOCH, LastRow(settled.high, "ab" * 8) if has_last_row else None, partial)
    assert Receipt.parse(receipt.offset, receipt.metadata()) == receipt


def test_receipt_with_too_many_ranges_is_cut_and_partial() -> None:
    generator = random.Random(7)
    settled = Settled(10**12).add(
        [(position, position) for position in sorted(generator.sample(range(10**12 + 2, 10**12 + 10**6), 50_000))]
    )
    text = Receipt(settled, EPOCH).metadata()
    read = Receipt.parse(settled.low, text)
    assert len(text) <= MAX_METADATA
    assert read.partial
    assert read.settled.low == settled.low
    assert read.settled.above == settled.above[: len(read.settled.above)]
    assert len(read.settled.above) > 500


def test_every_fifth_position_missing_fits_for_thousands_of_gaps() -> None:
    settled = Settled(0).add([(start, start + 3) for start in range(2, 20_000, 5)])
    assert not Receipt.parse(0, Receipt(settled, EPOCH).metadata()).partial


@pytest.mark.parametrize("metadata", ["", "something else", "3 1 1 - - whole ", "2 1 1 - - sometimes "])
def test_metadata_of_another_program_is_refused(metadata: str) -> None:
    with pytest.raises(ValueError):
        Receipt.parse(0, metadata)


def test_the_last_rows_digest_covers_everything_published() -> None:
    row = (5, "t", "k", "v", "[]", False, 0)
    others = [
        (5, "u", "k", "v", "[]", False, 0),
        (5, "t", "k", "v", "[]", True, 0),
        (5, "t", "k", "w", "[]", False, 0),
    ]
    assert all(LastRow.of(other) != LastRow.of(row) for other in others)
