"""How the page writes ages, money and text, and what its line shows."""

from datetime import UTC, datetime, timedelta

import pytest

from runtime.durations import age
from service.api.limits import RateLimit
from service.api.ops_page import pictures
from service.api.ops_page.words import money, plain
from service.usecases.operations.lag_history import LagHistory, Sample

NOW = datetime(2026, 1, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (-3, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (9600, "2 h 40 min"),
        (86_400, "1 d"),
        (86_399, "23 h 59 min"),
        (90_061, "1 d 1 h"),
    ],
)
def test_an_age_has_two_units_at_most(seconds: float | None, words: str) -> None:
    assert age(seconds) == words


def test_money_is_written_in_the_currencys_own_digits() -> None:
    assert [money(1234567, code) for code in ("sgd", "jpy", "kwd")] == [
        "12,345.67 SGD",
        "1,234,567 JPY",
        "1,234.567 KWD",
    ]


def test_text_from_outside_cannot_turn_around() -> None:
    assert plain("a\u202eb\x00\n") == "a\\u202eb\\x00\\n"


def _samples(*minutes: float) -> list[Sample]:
    return [Sample(NOW - timedelta(minutes=each), 1, each) for each in sorted(minutes, reverse=True)]


def test_the_line_is_broken_where_nothing_was_sampled() -> None:
    line = pictures.line(_samples(50, 49.75, 10, 9.75), NOW - timedelta(hours=1), NOW)
    assert line is not None
    assert [len(path.split()) for path in line.paths] == [2, 2]
    assert line.most == 50


def test_one_sample_is_no_line() -> None:
    assert pictures.line(_samples(5), NOW - timedelta(hours=1), NOW) is None


def test_the_history_keeps_a_span_and_nothing_before_the_first_relay() -> None:
    found = [None, (NOW - timedelta(hours=2), 1, 1.0), (NOW, 2, 3.0)]
    history = LagHistory(lambda: found.pop(0))
    for _ in range(3):
        history.sample()
    assert history.since(NOW - timedelta(hours=1)) == [Sample(NOW, 2, 3.0)]


def test_a_limit_counts_each_key_within_its_time() -> None:
    clock = [0.0]
    limit = RateLimit(2, 60, lambda: clock[0])
    assert [limit.take("a"), limit.take("a"), limit.take("a"), limit.take("b")] == [0, 0, 60, 0]
    clock[0] = 60.0
    assert limit.take("a") == 0


def test_many_keys_share_one_count() -> None:
    limit = RateLimit(2, 60, lambda: 0.0)
    assert [limit.take(str(n)) for n in range(1000)] == [0] * 1000
    assert [limit.take("x"), limit.take("y"), limit.take("z")] == [0, 0, 60]
