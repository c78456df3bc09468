"""Programs of this package in a process of their own, which announce their address in a file."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from devstack.processes import Command, ManagedProcess, scratch_directory

_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 30.0


class AnnouncedProcess:
    """A module as a child process. It writes its address to a file when it is ready; its state ends with it."""

    def __init__(self, name: str, module: str, arguments: Callable[[str], Sequence[str]]) -> None:
        """``arguments`` returns the module's arguments for the path of the file."""
        self._scratch = scratch_directory(module.rpartition(".")[2].replace("_", "-"))
        self._file = self._scratch / "address"
        self._command = Command(
            name=name,
            argv=[sys.executable, "-m", module, *arguments(str(self._file))],
            log=self._scratch / "process.log",
            cwd=_ROOT,
            scratch=self._scratch,
        )
        self._process: ManagedProcess | None = None

    @property
    def address(self) -> str:
        """The content of the file. Raises FileNotFoundError before the process is ready."""
        return self._file.read_text()

    @property
    def pid(self) -> int:
        """The process id. Raises RuntimeError when the process does not run."""
        if self._process is None:
            raise RuntimeError(f"{self._command.name} does not run")
        return self._process.pid

    def start(self) -> Self:
        """Returns when the process is ready. Raises ProcessFailedError."""
        self._process = ManagedProcess(self._command)
        self._process.wait_until(self._file.exists, _START_SECONDS)
        return self

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None
        shutil.rmtree(self._scratch, ignore_errors=True)
