"""Runs one command, and ends the command with all its descendants when the owner process ends.

This script uses only the standard library. It starts in milliseconds and drops privileges itself, so the target user
need not be able to read this checkout. Its standard input is the lifeline: each byte is a signal number for the
command, and end of file means that the owner has ended in any way (Ctrl-C, exception, kill -9). The guard then ends
the command and removes its scratch directory. The standard output carries the command's process id in one line. The
standard error is the command's log.

The owner uses a pipe instead of PR_SET_PDEATHSIG, because that signal fires when the *thread* that started the child
ends, and because a change of user clears it (Linux manual page PR_SET_PDEATHSIG(2const)).
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_SECONDS = 0.01
_ORPHAN_GRACE_SECONDS = 2.0  # for descendants that the command has left behind in other sessions


def _prctl(option: int, value: int) -> None:
    """Calls prctl(2) on Linux. On other systems the guard relies on the lifeline alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _become_command(spec: dict[str, Any]) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    try:
        os.setpgid(0, 0)
        if spec["run_as"] is not None:
            uid, gid = spec["run_as"]
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # after setuid, which clears it
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these signals, and exec would pass that on
            signal.signal(ignored, signal.SIG_DFL)
        os.chdir(spec["cwd"])
        os.execvp(spec["command"][0], spec["command"])  # noqa: S606 - replacing this process is the point
    except OSError as error:
        os.write(2, f"cannot run {spec['command'][0]}: {error}\n".encode())
    os._exit(127)


def _start(spec: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _become_command(spec)
    with contextlib.suppress(OSError):  # parent and child both call it; the second call can fail
        os.setpgid(pid, pid)
    with contextlib.suppress(BrokenPipeError):  # The owner has ended; the lifeline reports it next.
        os.write(1, f"{pid}\n".encode())
    return pid


def _send(pid: int, number: int) -> None:
    """Sends SIGKILL to the whole process group, as a power failure would; any other signal to the command alone."""
    with contextlib.suppress(ProcessLookupError):
        if number == signal.SIGKILL:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _reap(pid: int) -> int | None:
    """The command's exit status after its end; also reaps all other ended children."""
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if ended == pid:
            return os.waitstatus_to_exitcode(status)
        if ended == 0:
            return None


def _children() -> list[int]:
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(child) for child in listing.read_text().split()] if listing.exists() else []


def _end_descendants(pid: int) -> None:
    _send(pid, signal.SIGKILL)
    deadline = time.monotonic() + _ORPHAN_GRACE_SECONDS
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended == 0:
            if time.monotonic() > deadline:
                for child in _children():
                    os.kill(child, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)


class _Lifeline:
    """The pipe from the owner: its signals, and the owner's end."""

    def __init__(self, spec: dict[str, Any], pid: int, child_ended: int) -> None:
        self._spec = spec
        self._pid = pid
        self._child_ended = child_ended
        self._kill_at: float | None = None

    @property
    def owner_gone(self) -> bool:
        return self._kill_at is not None

    def attend(self) -> None:
        """Waits until a byte comes from the owner or a child ends, and passes the owner's signals on."""
        if self._kill_at is not None:
            select.select([self._child_ended], [], [], max(0.0, self._kill_at - time.monotonic()))
            if time.monotonic() >= self._kill_at:
                _send(self._pid, signal.SIGKILL)
        elif 0 in select.select([0, self._child_ended], [], [])[0]:
            for number in os.read(0, 64) or self._last_orders():
                _send(self._pid, number)
        self._drain()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._child_ended, 4096)

    def _last_orders(self) -> bytes:
        self._kill_at = time.monotonic() + self._spec["grace"]
        return bytes([self._spec["stop_signal"]])


def _child_endings() -> int:
    """A file descriptor that becomes readable whenever a child ends."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return reading


def main() -> int:
    spec: dict[str, Any] = json.loads(sys.argv[1])
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child_ended = _child_endings()
    pid = _start(spec)
    lifeline = _Lifeline(spec, pid, child_ended)
    while (status := _reap(pid)) is None:
        lifeline.attend()
    _end_descendants(pid)
    if lifeline.owner_gone and spec["scratch"] is not None:
        shutil.rmtree(spec["scratch"], ignore_errors=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
