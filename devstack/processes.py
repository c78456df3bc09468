"""Child processes that end with this process, however it ends: Ctrl-C at any moment, an exception, kill -9."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple, cast

from devstack import leftovers

_GUARD = Path(__file__).with_name("guard.py")
_POLL_SECONDS = 0.02


class ProcessFailedError(Exception):
    """A child process ended early, or was not ready in time. The message contains the end of its log."""


class UnixUser(NamedTuple):
    """The user that a child runs as."""

    uid: int
    gid: int


def scratch_parent() -> Path:
    """The directory for data of servers: DEVSTACK_SCRATCH, or the one for temporary files."""
    return Path(os.environ.get("DEVSTACK_SCRATCH") or tempfile.gettempdir())


def scratch_directory(name: str, parent: Path | None = None) -> Path:
    """A new directory for one server's data and log, in ``parent`` or in `scratch_parent()`.

    The server's guard removes it if this process is killed.
    """
    with leftovers.starting():
        directory = Path(tempfile.mkdtemp(prefix=f"campus-payments-{name}-", dir=parent or scratch_parent()))
        leftovers.know_directory(directory)
    return directory


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command to run. The guard removes `scratch` if this process dies before it can."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path = Path("/")
    run_as: UnixUser | None = None
    scratch: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0


class ManagedProcess:
    """One run of a command, from start to end. Its whole process tree ends with it, or with this process."""

    def __init__(self, command: Command) -> None:
        self.command = command
        spec = {
            "command": [str(word) for word in command.argv],
            "cwd": str(command.cwd),
            "run_as": command.run_as,
            "scratch": None if command.scratch is None else str(command.scratch),
            "stop_signal": int(command.stop_signal),
            "grace": command.grace_seconds,
        }
        with leftovers.starting(), command.log.open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), json.dumps(spec)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=None if command.env is None else dict(command.env),
                start_new_session=True,  # Ctrl-C reaches only this process, which ends the children in order
                bufsize=0,
            )
            self._lifeline = cast(IO[bytes], self._guard.stdin)
            self._guard_output = cast(IO[bytes], self._guard.stdout)
            leftovers.know_process(self)
        self.pid = self._read_pid()

    def _read_pid(self) -> int:
        line = self._guard_output.readline()
        if not line:
            raise ProcessFailedError(f"{self.command.name} could not be started\n{self.log_tail()}")
        return int(line)

    @property
    def running(self) -> bool:
        return self._guard.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Signals the command, or with SIGKILL its whole process group. Does nothing after the command's end."""
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._lifeline.write(bytes([number]))

    def wait(self, timeout_seconds: float) -> int:
        """Waits for the end of the whole process tree; returns the exit code, or 128 + signal number.

        Raises subprocess.TimeoutExpired.
        """
        code = self._guard.wait(timeout_seconds)
        self._lifeline.close()
        self._guard_output.close()
        return code

    def stop(self, number: signal.Signals | None = None) -> int:
        """Signals the command to end, and kills it after its grace period."""
        self.send(number or self.command.stop_signal)
        try:
            return self.wait(self.command.grace_seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """kill -9; returns when the whole process tree has ended."""
        self.send(signal.SIGKILL)
        return self.wait(30)

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Waits for a state. Raises ProcessFailedError when the command ends first, or after the time-out."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if not self.running:
                raise ProcessFailedError(
                    f"{self.command.name} ended with {self._guard.returncode} before it was ready\n{self.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise ProcessFailedError(
                    f"{self.command.name} was not ready after {timeout_seconds:.0f} s\n{self.log_tail()}"
                )
            time.sleep(_POLL_SECONDS)

    def log_tail(self, lines: int = 30) -> str:
        """The end of the log, indented."""
        text = self.command.log.read_text(errors="replace") if self.command.log.is_file() else ""
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def run_to_end(command: Command, timeout_seconds: float) -> None:
    """Runs a command that ends by itself. Raises ProcessFailedError when it fails or takes too long."""
    process = ManagedProcess(command)
    try:
        code = process.wait(timeout_seconds)
    except BaseException as error:
        process.kill()
        if isinstance(error, subprocess.TimeoutExpired):
            raise ProcessFailedError(f"{command.name} took over {timeout_seconds} s\n{process.log_tail()}") from error
        raise
    if code != 0:
        raise ProcessFailedError(f"{command.name} ended with {code}\n{process.log_tail()}")


def end_by_signal() -> None:
    """SIGINT and SIGTERM raise KeyboardInterrupt in the main thread, which must call this.

    A shell that reads a script starts its background jobs with SIGINT ignored (POSIX, "Asynchronous Lists"), and Python
    then leaves it ignored.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def environment(**extra: str) -> dict[str, str]:
    """This process's environment with additional variables."""
    return {**os.environ, **extra}
