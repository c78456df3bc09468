"""The signs of a restored database, and the interval at which the relay checks them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from relay.doubts import CHECK_SECONDS, DoubtingSource, Life, State
from relay.gaps import Writers
from relay.log_reader import DoubtError, Found
from relay.positions import Range
from relay.receipt import Epoch

BEGUN = Life(Epoch(1, 1), 70)
WELL = State(BEGUN, doubt=None, cache=1, increment=1, highest=20, drawn=20)


@pytest.mark.parametrize(
    ("state", "high", "why"),
    [
        pytest.param(WELL, 20, None, id="all is well"),
        pytest.param(WELL._replace(highest=0), 20, None, id="old rows were pruned"),
        pytest.param(WELL, 21, "handed out again below 21", id="the sequence is behind what was read"),
        pytest.param(WELL._replace(highest=25), 20, "handed out again below 25", id="behind what was written"),
        pytest.param(WELL._replace(cache=20), 20, "cache 20", id="cache"),
        pytest.param(WELL._replace(increment=-1), 20, "increment -1", id="increment"),
        pytest.param(WELL._replace(cache=None, increment=None), 20, "cache None", id="no sequence"),
        pytest.param(WELL._replace(drawn=None), 20, "may not read the sequence", id="a sequence that cannot be read"),
        pytest.param(WELL._replace(doubt="an operator's"), 20, "an operator's", id="repaired by an operator"),
        pytest.param(WELL._replace(life=Life(BEGUN.epoch, 71)), 20, "restored", id="another table"),
        pytest.param(WELL._replace(life=Life(Epoch(1, 2), 70)), 20, "promoted", id="another timeline"),
    ],
)
def test_each_sign_of_another_history_is_a_doubt(state: State, high: int, why: str | None) -> None:
    found = state.fault(BEGUN, high)
    assert found is None if why is None else why in str(found)


NOTHING = Found(None, [], complete=True)


class _Source:
    """Counts the reads of its state."""

    def __init__(self) -> None:
        self.state = WELL
        self.looks = 0

    def ask(self, statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        self.looks += 1
        (epoch, outbox), *rest = self.state
        return (*epoch, outbox, *rest)

    def tail(self, last: int, limit: int) -> Found:
        return NOTHING

    def writers(self) -> Writers:
        return frozenset()

    def look(self, ranges: Sequence[Range], last: int, limit: int) -> Found:
        return NOTHING


def test_doubts_are_checked_at_most_once_a_second() -> None:
    source, now = _Source(), 0.0
    doubting = DoubtingSource(source, "r", BEGUN, lambda: now)
    for _ in range(5):
        assert doubting.tail(20, 10) == NOTHING
    assert source.looks == 1
    source.state = WELL._replace(drawn=3)
    now += CHECK_SECONDS
    with pytest.raises(DoubtError, match="up to 3 are handed out again"):
        doubting.tail(20, 10)
    with pytest.raises(DoubtError):
        doubting.tail(20, 10)
