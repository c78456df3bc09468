"""kill -9 at every step between two durable effects: what an outsider sees in the end is as if nothing had happened."""

import pytest

from service.crash_points import CrashPoint
from tests.crash.conftest import Deaths

pytestmark = [pytest.mark.postgres, pytest.mark.real_kafka]


@pytest.mark.parametrize("point", list(CrashPoint))
def test_a_process_killed_here_leaves_nothing_undone_and_nothing_doubled(deaths: Deaths, point: CrashPoint) -> None:
    deaths[point].result()
