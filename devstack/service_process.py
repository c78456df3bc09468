"""One process of the service, as an operator would start it: `python cli.py serve`, `consume` or `relay`."""

import http.client
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from devstack.processes import Command, ManagedProcess, ProcessFailedError, run_to_end, scratch_directory

ServiceName = Literal["serve", "consume", "relay"]
ALL_SERVICES: tuple[ServiceName, ...] = ("serve", "consume", "relay")

ROOT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 60.0
_MIGRATION_SECONDS = 60.0
_GRACE_SECONDS = 30.0  # above the service's own default SHUTDOWN_GRACE


class ServiceProcess:
    """Can be killed and started again: same environment, same port, same log."""

    def __init__(self, name: ServiceName, environment: Mapping[str, str], port: int, directory: Path) -> None:
        """`port` is where it tells that it is ready, and for `serve` the API too."""
        self.name = name
        self.port = port
        self.log = directory / f"{name}.log"
        self._directory = directory
        arguments = ["--host", "127.0.0.1", "--port", str(port)] if name == "serve" else []
        self._argv = [sys.executable, str(ROOT / "cli.py"), name, *arguments]
        own = {"TMPDIR": str(directory)}  # what a killed process leaves in there goes with the rest
        self._environment = {**environment, **own, **({} if name == "serve" else {"OPS_PORT": str(port)})}
        self.process: ManagedProcess | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    @property
    def run(self) -> ManagedProcess:
        """The present run, or the last. Raises ProcessFailedError when there was none."""
        if self.process is None:
            raise ProcessFailedError(f"{self.name} was not started")
        return self.process

    def start(self) -> None:
        """Returns at once; `wait_until_ready` waits."""
        command = Command(
            name=self.name,
            argv=self._argv,
            log=self.log,
            env=self._environment,
            cwd=ROOT,
            scratch=self._directory,
            grace_seconds=_GRACE_SECONDS,
        )
        self.process = ManagedProcess(command)

    def wait_until_ready(self) -> None:
        """Raises ProcessFailedError when it ends first, or takes too long."""
        if self.process is not None:
            self.process.wait_until(self._ready, _READY_SECONDS)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        if self.process is not None:
            self.process.send(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM, and the exit code. It is killed after 30 s."""
        return 0 if self.process is None else self.process.stop()

    def kill(self) -> None:
        """kill -9 of it and its children."""
        if self.process is not None:
            self.process.kill()

    def restart(self) -> None:
        """Starts it again after `stop` or `kill`, and returns when it is ready. Raises ProcessFailedError."""
        self.start()
        self.wait_until_ready()

    def log_tail(self) -> str:
        """The end of its log."""
        return "" if self.process is None else self.process.log_tail()

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def migrate(database_url: str) -> None:
    """`python cli.py db upgrade`. Raises ProcessFailedError."""
    directory = scratch_directory("migration")
    command = Command(
        name="db upgrade",
        argv=[sys.executable, str(ROOT / "cli.py"), "db", "upgrade"],
        log=directory / "db-upgrade.log",
        env=overlaid(os.environ, {"DATABASE_URL": database_url}),
        cwd=ROOT,
        scratch=directory,
    )
    try:
        run_to_end(command, _MIGRATION_SECONDS)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def overlaid(inherited: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Ours over the inherited ones; an inherited NAME_FILE of one of ours would be an error beside it."""
    kept = {name: value for name, value in inherited.items() if name.removesuffix("_FILE") not in ours}
    return {**kept, **ours}
