"""The transaction that holds a gap, from the writers that a read found to the text of /ready."""

from typing import Any, Self

import pytest

from relay.gap_holder import HolderSearch
from relay.gaps import GapTracker, HeldGaps

Found = tuple[int | None, str | None, str | None, str | None, float | None]


class Session:
    """A session, and its cursor, that answers each search with a row."""

    def __init__(self, *answers: Found | None) -> None:
        self._answers = list(answers)

    def cursor(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, _statement: str, _values: Any) -> None: ...

    def fetchone(self) -> Found | None:
        return self._answers.pop(0)


def found(search: HolderSearch, held: HeldGaps | None, answer: Found | None) -> str | None:
    session: Any = Session(answer)
    holder = search.find(session, held)
    return None if holder is None else str(holder)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((4711, None, "psql", "active", 61.4), "position 7 waits for a transaction of 61 s: pid 4711"),
        ((None, "two-phase", None, None, 61.4), "position 7 waits for a transaction of 61 s: prepared 'two-phase'"),
        ((4711, None, None, None, -0.2), "position 7 waits for a transaction of 0 s: pid 4711"),
        (None, None),
    ],
    ids=["process", "prepared-transaction", "clock-set-back", "over-meanwhile"],
)
def test_holder_of_a_gap_is_named_with_its_age(answer: Found | None, words: str | None) -> None:
    assert found(HolderSearch(), HeldGaps(7, frozenset({1})), answer) == words


def test_holder_with_a_hidden_start_gets_the_age_of_its_gap() -> None:
    now = [100.0]
    search = HolderSearch(lambda: now[0])
    hidden = (4711, None, None, None, None)
    assert found(search, HeldGaps(7, frozenset({1})), hidden) == "position 7 waits for a transaction of 0 s: pid 4711"
    now[0] += 30
    held = HeldGaps(7, frozenset({1, 2}))
    assert found(search, held, hidden) == "position 7 waits for a transaction of 30 s: pid 4711"
    search.find(Session(), None)  # type: ignore[arg-type]
    assert found(search, held, hidden) == "position 7 waits for a transaction of 0 s: pid 4711"


def test_waiting_gaps_name_all_their_writers_and_the_lowest_position() -> None:
    gaps = GapTracker()
    assert gaps.held() is None
    gaps.note([(4, 5), (9, 9)])
    gaps.observe(frozenset({1}))
    gaps.looked(gaps.due(10), [], complete=True)
    gaps.note([(2, 2)])
    gaps.observe(frozenset({1, 2}))
    gaps.looked(gaps.due(10), [], complete=True)
    assert gaps.held() == HeldGaps(2, frozenset({1, 2}))
