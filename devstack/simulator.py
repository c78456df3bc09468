"""The Stripe simulator as a process of its own."""

import shutil
import sys
from pathlib import Path
from typing import Self

from devstack.processes import Command, ManagedProcess, scratch_directory

_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 30.0


class StripeSimulator:
    """A running simulator, which delivers its webhooks to one URL. Its state is in memory and ends with it."""

    def __init__(self, *, webhook_url: str, webhook_secret: str) -> None:
        self._scratch = scratch_directory("stripe")
        self._port_file = self._scratch / "port"
        self._argv = [
            *(sys.executable, "-m", "devstack.stripe_simulator", "--host", "127.0.0.1", "--port", "0"),
            *("--webhook-url", webhook_url, "--webhook-secret", webhook_secret),
            *("--port-file", str(self._port_file)),
        ]
        self.process: ManagedProcess | None = None

    @property
    def api_base(self) -> str:
        """What STRIPE_API_BASE must say."""
        return f"http://127.0.0.1:{int(self._port_file.read_text())}"

    def start(self) -> Self:
        """Returns when it listens. Raises ProcessFailedError."""
        log = self._scratch / "stripe.log"
        command = Command(name="Stripe simulator", argv=self._argv, log=log, cwd=_ROOT, scratch=self._scratch)
        self.process = ManagedProcess(command)
        self.process.wait_until(self._listens, _START_SECONDS)
        return self

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _listens(self) -> bool:
        return self._port_file.exists() and self._port_file.read_text().strip().isdigit()
