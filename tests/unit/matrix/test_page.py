"""`make matrix` has generated docs/compatibility.md, which has a row for each pair."""

import pytest

from devstack.service_process import ROOT
from matrix.__main__ import merged
from matrix.page import NOT_RUN, PASSED, Row, read, rendered
from matrix.pairs import CORE, DEFAULT, KAFKAS, POSTGRES, Pair, pairs
from matrix.trial import result_of

DOCUMENT = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")


def test_page_equals_the_generated_page() -> None:
    assert rendered(read(DOCUMENT)) == DOCUMENT


def test_each_pair_has_a_row_without_failures() -> None:
    rows = read(DOCUMENT).rows
    assert [Pair(row.postgres.partition(".")[0], row.kafka) for row in rows] == pairs()
    for row in rows:
        assert row.result == PASSED or row.result.startswith(NOT_RUN), row
        assert row.tests or row.result != PASSED


def test_every_supported_version_is_in_a_pair() -> None:
    assert {pair.postgres for pair in pairs()} == set(POSTGRES)
    assert {pair.kafka for pair in pairs()} == set(KAFKAS)
    assert DEFAULT in pairs()
    assert len(pairs(every=True)) == len(set(pairs(every=True))) == len(POSTGRES) * len(KAFKAS)


def test_run_of_selected_pairs_replaces_only_their_rows() -> None:
    kept = [Row("14.23", "4.2.2", 3, "1 failed"), Row("18.6", "4.2.2", 3, PASSED)]
    new = [Row("14.24", "4.2.2", 3, PASSED), Row("18.6", "3.9.2", 3, PASSED)]
    assert merged(kept, new) == [new[0], kept[1], new[1]]


def test_core_test_paths_exist() -> None:
    assert [path for path in CORE if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize(
    ("code", "last", "row"),
    [
        (0, "149 passed in 61.22s (0:01:01)", Row("14.24", "4.2.2", 149, PASSED)),
        (1, "2 failed, 147 passed in 61.22s", Row("14.24", "4.2.2", 149, "2 failed")),
        (1, "147 passed, 2 errors in 3.01s", Row("14.24", "4.2.2", 149, "2 error")),
        (0, "140 passed, 9 skipped in 3.01s", Row("14.24", "4.2.2", 149, "9 skipped")),
        (4, "no tests ran in 0.01s", Row("14.24", "4.2.2", 0, "pytest ended with 4")),
    ],
)
def test_run_is_passed_only_if_all_tests_passed(code: int, last: str, row: Row) -> None:
    said = f"PostgreSQL: embedded 14.24, ready after 2.7 s\nKafka: ready\n{last}\n"
    assert result_of(Pair("14", "4.2.2"), code, said) == row
