"""The Stripe simulator as a child process."""

import shutil
import sys
from pathlib import Path
from typing import Self

from devstack.processes import Command, ManagedProcess, scratch_directory
from devstack.stripe_simulator.client import SimulatorControl

_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 30.0


class StripeSimulator:
    """A running simulator, guarded like every other child process. Its state is in memory and ends with it."""

    def __init__(self, *arguments: str) -> None:
        """`arguments` as on its command line."""
        self._scratch = scratch_directory("stripe")
        self._port_file = self._scratch / "port"
        self._argv = [
            *(sys.executable, "-m", "devstack.stripe_simulator", "--host", "127.0.0.1", "--port", "0"),
            *("--port-file", str(self._port_file)),
            *arguments,
        ]
        self._process: ManagedProcess | None = None

    @property
    def api_base(self) -> str:
        """The value for STRIPE_API_BASE."""
        return f"http://127.0.0.1:{int(self._port_file.read_text())}"

    @property
    def pid(self) -> int:
        """Its process id. Raises RuntimeError when it does not run."""
        if self._process is None:
            raise RuntimeError("the Stripe simulator does not run")
        return self._process.pid

    @property
    def control(self) -> SimulatorControl:
        """A client of the control API: faults, clock and ledger."""
        return SimulatorControl(self.api_base)

    def start(self) -> Self:
        """Returns when it listens. Raises ProcessFailedError."""
        log = self._scratch / "stripe.log"
        command = Command(name="Stripe simulator", argv=self._argv, log=log, cwd=_ROOT, scratch=self._scratch)
        self._process = ManagedProcess(command)
        self._process.wait_until(self._port_file.exists, _START_SECONDS)
        return self

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None
        shutil.rmtree(self._scratch, ignore_errors=True)
