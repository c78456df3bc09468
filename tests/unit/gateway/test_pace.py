"""The pace that follows from Stripe's answers, on a clock that only the test moves."""

from itertools import pairwise

import pytest

from service.domain.errors import StripeBusyError
from service.gateway.pace import SLOWEST, Pace
from service.gateway.stripe_gateway import PATIENCE_SECONDS
from tests.unit.gateway.fake_stripe import INTENT, FakeStripe, error, gateway


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Bucket:
    """Stripe's side: a number of requests per second, and as many at once."""

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock, self._rate = clock, rate
        self._tokens, self._filled_at = rate, clock.now

    def takes(self) -> bool:
        now = self._clock.now
        self._tokens = min(self._rate, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock, clock.sleep)


def passed(pace: Pace, count: int) -> None:
    for _ in range(count):
        pace.wait(0)
        pace.accepted()


def test_no_limit_before_the_first_429(clock: Clock, pace: Pace) -> None:
    passed(pace, 10_000)
    assert pace.limit is None
    assert clock.now == 1000.0


def test_first_429_cuts_below_the_accepted_rate(pace: Pace) -> None:
    passed(pace, 40)
    pace.too_fast()
    assert pace.limit == 30.0


def test_accepted_rate_is_that_of_the_last_second(clock: Clock, pace: Pace) -> None:
    passed(pace, 400)
    clock.now += 1.5
    passed(pace, 40)
    pace.too_fast()
    assert pace.limit == 30.0


def test_many_429_at_once_cut_once(clock: Clock, pace: Pace) -> None:
    passed(pace, 40)
    for _ in range(30):
        pace.too_fast()
    assert pace.limit == 30.0
    clock.now += 1.0
    for _ in range(60):
        pace.wait(5)
        pace.accepted()
    before = pace.limit
    pace.too_fast()
    assert before is not None
    assert pace.limit == pytest.approx(0.75 * before, rel=0.05)


def test_limit_never_falls_below_the_slowest_rate(pace: Pace) -> None:
    pace.too_fast()
    assert pace.limit == SLOWEST


def test_requests_are_spread_out_after_a_cut(clock: Clock, pace: Pace) -> None:
    passed(pace, 40)
    pace.too_fast()
    moments = []
    for _ in range(31):
        pace.wait(1)
        moments.append(clock.now)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert max(gaps) == pytest.approx(1 / 30)
    assert moments[-1] - moments[0] == pytest.approx(1, rel=0.05)


def test_request_that_would_wait_too_long_is_refused_and_takes_no_slot(clock: Clock) -> None:
    asleep: list[float] = []
    pace = Pace(clock, asleep.append)
    pace.too_fast()
    for _ in range(3):
        pace.wait(1.2)
    for _ in range(2):
        with pytest.raises(StripeBusyError) as caught:
            pace.wait(1.2)
        assert caught.value.retry_after == pytest.approx(1.5)
    assert asleep == pytest.approx([0.5, 1.0])


def test_limit_is_lifted_when_it_has_doubled(clock: Clock, pace: Pace) -> None:
    passed(pace, 40)
    pace.too_fast()
    clock.now += 10
    assert pace.limit == pytest.approx(45)
    clock.now += 10
    assert pace.limit is None


@pytest.mark.parametrize("allowed", [25, 100, 500])
def test_pace_settles_near_the_allowed_rate(clock: Clock, pace: Pace, allowed: int) -> None:
    bucket, taken, refused = Bucket(clock, allowed), 0, 0
    until = clock.now + 300
    while clock.now < until:
        clock.now += 0.0005
        pace.wait(5)
        if bucket.takes():
            pace.accepted()
            taken += 1
        else:
            pace.too_fast()
            refused += 1
    assert taken > 0.75 * allowed * 300
    assert refused < 0.02 * taken


def test_a_429_slows_the_gateway_down(clock: Clock, pace: Pace) -> None:
    side = FakeStripe(*[INTENT] * 8, error(429, message="too fast"), INTENT)
    hasty = gateway(side, pace)
    for _ in range(8):
        hasty.retrieve_intent("pi_1")
    with pytest.raises(StripeBusyError):
        hasty.retrieve_intent("pi_1")
    for _ in range(7):
        hasty.retrieve_intent("pi_1")
    assert clock.now - 1000.0 == pytest.approx(1.0, rel=0.05)
    assert len(side.asked) == 16


def test_request_refused_by_the_pace_is_not_sent(clock: Clock) -> None:
    pace = Pace(clock, lambda _: None)
    pace.too_fast()
    side = FakeStripe(INTENT)
    hasty = gateway(side, pace)
    for _ in range(int(PATIENCE_SECONDS * SLOWEST) + 1):
        hasty.retrieve_intent("pi_1")
    with pytest.raises(StripeBusyError):
        hasty.retrieve_intent("pi_1")
    assert hasty.next_action("pi_1") == {"type": "unavailable"}
    assert len(side.asked) == PATIENCE_SECONDS * SLOWEST + 1
