"""A process dies at its configured crash point, at no other one, and refuses to start with an unknown name."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.processes import environment

ROOT = Path(__file__).resolve().parents[2]

_VISIT = """
from relay.crash_points import CrashPoint
from runtime.crash_points import reached, refuse_unknown
refuse_unknown(CrashPoint)
"""


def _dies(crash_at: str, visits: int) -> bool:
    """Whether a process that passes a point this number of times is killed there."""
    visit = _VISIT + "reached(CrashPoint.AFTER_READ)\n" * visits
    ended = subprocess.run(
        [sys.executable, "-c", visit],
        cwd=ROOT,
        env=environment(CRASH_AT=crash_at),
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert ended.returncode in {0, -signal.SIGKILL}
    return ended.returncode != 0


def test_process_is_killed_at_its_crash_point() -> None:
    assert [_dies("relay.after_read", visits) for visits in (0, 1)] == [False, True]
    assert [_dies("relay.after_read:3", visits) for visits in (2, 3)] == [False, True]
    assert not _dies("relay.after_checkpoint", 1)


def test_process_removes_the_file_that_named_its_crash_point(tmp_path: Path) -> None:
    file = tmp_path / "crash-at"
    assert not _dies(f"@{file}", 1)
    file.write_text("relay.after_read:2")
    assert not _dies(f"@{file}", 1)
    assert _dies(f"@{file}", 2)
    assert not file.exists()


@pytest.mark.parametrize("words", [["relay"], ["consume"], ["serve", "--port", "0"]], ids=lambda words: str(words[0]))
def test_name_that_is_no_crash_point_of_the_process_stops_its_start_with_one_line(words: list[str]) -> None:
    settings = {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "STRIPE_SECRET_KEY": "sk_test_none",
        "CRASH_AT": "relay.sometime",
    }
    command = [sys.executable, "cli.py", *words]
    ended = subprocess.run(command, cwd=ROOT, env=environment(**settings), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "CRASH_AT: relay.sometime is no crash point of this process\n"
