"""Times in tables for people: no year is left out that a reader would need."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from commandline.tables import render


@pytest.mark.parametrize("years_ago", [0, 1])
def test_narrow_table_leaves_out_the_year_only_of_times_of_this_year(years_ago: int) -> None:
    this_year = datetime.now(UTC).year
    moments = [datetime(year, 11, 28, 8, tzinfo=UTC) for year in (this_year, this_year - years_ago)]
    lines = render([{"id": uuid4(), "since": moment} for moment in moments], ("id", "since"), str, 54)
    shown = [word for line in lines for word in line.split() if word.endswith("11-28")]
    assert shown == [f"{moment:%Y-%m-%d}" if years_ago else "11-28" for moment in moments]
