"""A process that exits ends all its children, including children that its threads are starting."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import threading, time
from pathlib import Path
from devstack import leftovers
from devstack.processes import Command, ManagedProcess, scratch_directory

scratch = scratch_directory("leaving")
child = ManagedProcess(Command(name="child", argv=["sleep", "600"], log=scratch / "log", scratch=scratch))

def start_more():
    while True:
        more = scratch_directory("leaving")
        print(more)
        process = ManagedProcess(Command(name="more", argv=["sleep", "600"], log=more / "log", scratch=more))
        print(process.pid)

print(scratch)
print(child.pid)
thread = threading.Thread(target=start_more, daemon=True)
threading.excepthook = lambda args: None
thread.start()
while len(leftovers._directories) < 4:
    time.sleep(0.01)
leftovers.end()
thread.join(10)
print("ended", thread.is_alive())
"""


def test_no_child_is_left_after_the_exit() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    *started, last = run.stdout.split("\n")[:-1]
    directories = [line for line in started if line.startswith("/")]
    pids = [line for line in started if line.isdigit()]
    assert len(directories) >= 4
    assert len(pids) >= 2
    assert [path for path in directories if Path(path).exists()] == []
    assert [pid for pid in pids if _runs(pid)] == []
    assert last == "ended False"


def _runs(pid: str) -> bool:
    """Whether the started process still runs. Its number may belong to another process, or to a zombie."""
    try:
        return b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
