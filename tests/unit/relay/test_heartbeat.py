"""The time that draining leaves for a batch."""

import time

import pytest

from relay.health import Health
from relay.heartbeat import GraceOverError, Heartbeat, StoppedError
from runtime.shutdown import Shutdown


class Lock:
    """A lock that is never lost."""

    def beat(self) -> None: ...


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def stopped(grace: float, *, publishing: bool) -> Heartbeat:
    shutdown = Shutdown()
    shutdown.request()
    health = Health()
    health.publishing = publishing
    return Heartbeat(Lock(), shutdown, grace, health)  # type: ignore[arg-type]


def test_a_relay_with_no_batch_to_finish_stops_at_once() -> None:
    with pytest.raises(StoppedError):
        stopped(30.0, publishing=False).beat()


@pytest.mark.parametrize(("grace", "to_finish"), [(30.0, 27.0), (3.0, 1.5), (1.0, 0.5)])
def test_a_batch_has_most_of_a_long_grace_period_and_half_of_a_short_one(
    grace: float, to_finish: float, clock: list[float]
) -> None:
    heartbeat = stopped(grace, publishing=True)
    heartbeat.beat()
    clock[0] += to_finish
    heartbeat.beat()
    clock[0] += 0.01
    with pytest.raises(GraceOverError):
        heartbeat.beat()
