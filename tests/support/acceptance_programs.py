"""A program in its own terminal, and the traces that it leaves behind."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from devstack.processes import scratch_parent
from devstack.saga_client import until
from devstack.service_process import ROOT

_MARK = "ACCEPTANCE_MARK"
_END_SECONDS = 120.0


class Program:
    """`python cli.py …`. All its descendants inherit a mark and a temporary directory, by which tests find them."""

    def __init__(
        self, *words: str, environment: Mapping[str, str] | None = None, without: tuple[str, ...] = ()
    ) -> None:
        self._mark = secrets.token_hex(8)
        self.directory = Path(tempfile.mkdtemp(prefix="acceptance-", dir=scratch_parent()))
        self.directory.chmod(0o755)  # servers that root starts run as another user
        self._output = self.directory / "output"
        kept = {name: value for name, value in os.environ.items() if name not in without}
        self._scratch = self.directory / "tmp"
        self._scratch.mkdir(mode=0o755)
        places = dict.fromkeys(("TMPDIR", "DEVSTACK_SCRATCH"), str(self._scratch))
        ours = {_MARK: self._mark, **places, "PYTHONUNBUFFERED": "1", **(environment or {})}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "cli.py"), *words],
                env={**kept, **ours},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        """The output so far."""
        return self._output.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until the output contains the words. Fails when the program ends first, or after the time-out."""

        def said() -> bool:
            assert self._process.poll() is None or text in self.output(), self.output()
            return text in self.output()

        until(said, f"it says {text!r}", seconds=_END_SECONDS)

    def family(self) -> list[psutil.Process]:
        """All running descendants."""
        children = psutil.Process(self._process.pid).children(recursive=True) if self._process.poll() is None else []
        marked = [process for process in psutil.process_iter() if _environment(process).get(_MARK) == self._mark]
        return [process for process in {*children, *marked} if process.pid != self._process.pid]

    def ctrl_c(self) -> None:
        """Send SIGINT as the terminal does, to the whole foreground process group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def wait(self) -> int:
        """Its exit code."""
        return self._process.wait(_END_SECONDS)

    def left_behind(self) -> list[str]:
        """Files in its temporary directory."""
        return sorted(path.name for path in self._scratch.iterdir())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the program if the test has not ended it."""
        for process in self.family():
            process.kill()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:  # ended meanwhile, or of another user
        return {}
