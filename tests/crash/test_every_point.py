"""kill -9 at every step between two durable effects: the final state from outside is as if nothing had happened."""

import pytest

from tests.crash.conftest import Deaths
from tests.crash.points import ALL, CrashPoint

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]


@pytest.mark.parametrize("point", ALL)
def test_a_process_killed_here_leaves_nothing_undone_and_nothing_doubled(deaths: Deaths, point: CrashPoint) -> None:
    deaths[point].result()
