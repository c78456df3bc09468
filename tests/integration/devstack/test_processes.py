"""No child process outlives this process, however it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devstack.postgres_install import server_user
from devstack.processes import Command, ManagedProcess, ProcessFailedError, run_to_end

_ROOT = Path(__file__).resolve().parents[3]

# starts a child, prints the process ids of both, and ends as its argument says
_OWNER = """
import sys, threading, time
from pathlib import Path
from devstack.postgres_install import server_user
from devstack.processes import Command, ManagedProcess
scratch, shell = Path(sys.argv[1]), sys.argv[2]
def start():
    global child
    child = ManagedProcess(Command(name="child", argv=["sh", "-c", shell], log=scratch / "log", cwd=scratch,
                                   scratch=scratch, grace_seconds=0.2))
thread = threading.Thread(target=start)
thread.start()
thread.join()
child.wait_until((scratch / "ready").exists, 20)
print(child.pid, (scratch / "grandchild").read_text().strip(), flush=True)
{ending}
"""
_OBEDIENT = "sleep 600 & echo $! > grandchild; touch ready; wait"
_DEAF = "trap '' TERM; setsid sleep 600 & echo $! > grandchild; touch ready; while :; do sleep 0.1; done"


def _eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("ending", "number", "shell"),
    [
        ("time.sleep(600)", signal.SIGKILL, _OBEDIENT),
        ("time.sleep(600)", signal.SIGKILL, _DEAF),
        ("time.sleep(600)", signal.SIGINT, _OBEDIENT),
        ("raise RuntimeError", None, _OBEDIENT),
        ("", None, _OBEDIENT),
    ],
    ids=["kill -9", "kill -9, deaf child, grandchild in another session", "Ctrl-C", "exception", "end"],
)
def test_all_descendants_end_with_their_owner(
    tmp_path: Path, ending: str, number: signal.Signals | None, shell: str
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER.replace("{ending}", ending), str(scratch), shell],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
    )
    with owner:
        assert owner.stdout is not None
        family = [int(word) for word in owner.stdout.readline().split()]
        assert len(family) == 2
        if number is not None:
            owner.send_signal(number)
    _eventually(lambda: all(_gone(pid) for pid in family))
    _eventually(lambda: not scratch.exists())


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., ManagedProcess]]:
    started: list[ManagedProcess] = []

    def start(script: str, grace_seconds: float = 10) -> ManagedProcess:
        command = Command(
            name="script", argv=["sh", "-c", script], log=tmp_path / "log", cwd=tmp_path, grace_seconds=grace_seconds
        )
        started.append(ManagedProcess(command))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_child_survives_the_thread_that_started_it(run: Callable[..., ManagedProcess]) -> None:
    children: list[ManagedProcess] = []
    thread = threading.Thread(target=lambda: children.append(run("sleep 600")))
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        children[0].wait(0.3)


def test_stop_waits_for_the_child_to_finish(run: Callable[..., ManagedProcess], tmp_path: Path) -> None:
    process = run("trap 'echo drained; exit 3' TERM; touch ready; while :; do sleep 0.05; done")
    process.wait_until((tmp_path / "ready").exists, 20)
    assert process.stop() == 3
    assert "drained" in process.log_tail()


def test_stop_kills_a_child_that_does_not_finish(run: Callable[..., ManagedProcess], tmp_path: Path) -> None:
    process = run("trap '' TERM; touch ready; while :; do sleep 0.05; done", grace_seconds=0.2)
    process.wait_until((tmp_path / "ready").exists, 20)
    assert process.stop() == 128 + signal.SIGKILL
    assert not process.running


def test_early_exit_raises_with_the_log(run: Callable[..., ManagedProcess]) -> None:
    process = run("echo the disk is full >&2; exit 7")
    with pytest.raises(ProcessFailedError, match=r"(?s)script ended with 7 .*the disk is full"):
        process.wait_until(lambda: False, 20)


def test_process_that_is_not_ready_in_time_is_named(run: Callable[..., ManagedProcess]) -> None:
    with pytest.raises(ProcessFailedError, match="script was not ready after 0 s"):
        run("sleep 600").wait_until(lambda: False, 0.1)


def test_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailedError, match="cannot run no-such-program"):
        run_to_end(Command(name="it", argv=["no-such-program"], log=tmp_path / "log"), 20)


def test_program_over_its_time_limit_is_ended(tmp_path: Path) -> None:
    command = Command(name="it", argv=["sleep", "600"], log=tmp_path / "log")
    with pytest.raises(ProcessFailedError, match="it took over"):
        run_to_end(command, 0.1)


def test_signals_that_python_ignores_reach_the_child(run: Callable[..., ManagedProcess]) -> None:
    process = run("kill -PIPE $$; sleep 600")
    assert process.wait(20) == 128 + signal.SIGPIPE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a child as somebody else")
def test_child_can_run_as_another_user(tmp_path: Path) -> None:
    user = server_user()
    assert user is not None
    log = tmp_path / "log"
    run_to_end(Command(name="id", argv=["id", "-u"], log=log, run_as=user), 20)
    assert log.read_text().strip() == str(user.uid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child when its parent ends")
def test_child_ends_even_if_its_guard_is_killed(tmp_path: Path) -> None:
    command = Command(name="child", argv=["sleep", "600"], log=tmp_path / "log", run_as=server_user())
    process = ManagedProcess(command)
    child = psutil.Process(process.pid)
    _eventually(lambda: child.name() == "sleep")
    child.parents()[0].kill()
    process.wait(20)
    _eventually(lambda: _gone(child.pid))
