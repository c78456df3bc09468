"""The lag of each partition, and the alarms for an unknown lag and for records that do not arrive."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from consumer.lag import Lag
from consumer.offsets import Partition, Reach


class Bench:
    """One partition, a clock, and librdkafka's statistics."""

    def __init__(self) -> None:
        self.reach: dict[Partition, Reach] = {("t", 0): Reach(5, 5, busy=False)}
        self.full = False
        self.now = 0.0
        self.lag = Lag(lambda: self.reach, lambda: self.full, lambda: self.now)

    def report(self, *, end: int = 9, read: int = 5, queued: int = 0, passed: int = -1001) -> float | None:
        found: dict[str, Any] = {
            "ls_offset": end, "next_offset": read, "fetchq_cnt": queued, "app_offset": passed,
        }  # fmt: skip
        self.lag.update({"t": {"partitions": {"0": found}}})
        return REGISTRY.get_sample_value("payment_consumer_lag", {"topic": "t", "partition": "0"})

    def later(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("reach", "said", "lag"),
    [
        (Reach(5, 5, busy=False), {"end": 9, "read": 5}, 4),
        (Reach(8, 5, busy=True), {"end": 9, "read": 9}, 4),
        (Reach(8, 8, busy=False), {"end": 9, "read": 9}, 0),
        (Reach(8, 8, busy=False), {"end": 10, "read": 10, "queued": 1}, 2),
        (Reach(8, 8, busy=False), {"end": 10, "read": 10, "queued": 1, "passed": 10}, 0),
        (Reach(8, 5, busy=True), {"end": 10, "read": 10, "queued": 1, "passed": 10}, 5),
        (Reach(5, 5, busy=False), {"end": 9, "read": 5, "passed": 9}, 4),
        (Reach(5, 5, busy=False), {"end": -1001}, -1),
        (Reach(None, None, busy=False), {"end": 9}, -1),
        (Reach(9, 9, busy=False), {"end": 7, "read": 5}, 0),
    ],
    ids=[
        "unread",
        "unfinished",
        "only a marker",
        "read ahead",
        "marker passed",
        "passed and unfinished",
        "went back",
        "end unknown",
        "place unknown",
        "older than our place",
    ],
)
def test_the_lag_counts_records_behind_the_position(reach: Reach, said: dict[str, int], lag: int) -> None:
    bench = Bench()
    bench.reach = {("t", 0): reach}
    assert bench.report(**said) == lag


def test_a_partition_that_left_has_no_lag() -> None:
    bench = Bench()
    assert bench.report() == 4
    bench.reach = {}
    assert bench.report() is None


@pytest.mark.parametrize(("end", "what"), [(9, "4 records wait and none comes"), (-1001, "the lag is not known")])
def test_half_a_minute_without_change_is_an_alarm(end: int, what: str) -> None:
    bench = Bench()
    for _ in range(4):
        bench.report(end=end)
        assert bench.lag.fault() is None
        bench.later(10)
    bench.report(end=end)
    assert bench.lag.fault() == f"kafka: t[0]: {what}, for 40 s"
    bench.reach = {("t", 0): Reach(6, 6, busy=False)}
    bench.report(end=9)
    assert bench.lag.fault() is None


@pytest.mark.parametrize("why", ["full", "busy"])
def test_records_that_are_not_fetched_on_purpose_are_no_alarm(why: str) -> None:
    bench = Bench()
    bench.full = why == "full"
    bench.reach = {("t", 0): Reach(5, 5, busy=why == "busy")}
    for _ in range(9):
        bench.report()
        bench.later(10)
    bench.report()
    assert bench.lag.fault() is None
