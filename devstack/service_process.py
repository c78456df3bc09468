"""One process of the service, started as an operator would: `python cli.py serve`, `consume` or `relay`."""

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
_GRACE_SECONDS = 30.0  # longer than the service's default SHUTDOWN_GRACE


class ServiceProcess:
    """A process that can be killed and started again with the same environment, port and log."""

    def __init__(self, name: ServiceName, environment: Mapping[str, str], port: int, directory: Path) -> None:
        """`port` is the port of its readiness and, for `serve`, of the API."""
        self.name = name
        self.port = port
        self.log = directory / f"{name}.log"
        self._directory = directory
        arguments = ["--host", "127.0.0.1", "--port", str(port)] if name == "serve" else []
        self._argv = [sys.executable, str(ROOT / "cli.py"), name, *arguments]
        own = {"TMPDIR": str(directory)}  # remains of a killed process go with the directory
        self._environment = {**environment, **own, **({} if name == "serve" else {"OPS_PORT": str(port)})}
        self.process: ManagedProcess | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.running

    @property
    def run(self) -> ManagedProcess:
        """The present run, or the last one. Raises ProcessFailedError before the first run."""
        if self.process is None:
            raise ProcessFailedError(f"{self.name} was not started")
        return self.process

    def start(self) -> None:
        """Start it and return at once; `wait_until_ready` waits."""
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
        """Wait for its readiness. Raises ProcessFailedError when it ends first, or takes too long."""
        if self.process is not None:
            self.process.wait_until(self._ready, _READY_SECONDS)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        if self.process is not None:
            self.process.send(signal.SIGTERM)

    def stop(self) -> int:
        """SIGTERM; returns the exit code. A kill follows after 30 s."""
        return 0 if self.process is None else self.process.stop()

    def kill(self) -> None:
        """kill -9 of it and its children."""
        if self.process is not None:
            self.process.kill()

    def restart(self) -> None:
        """Start it again after `stop` or `kill`; returns when it is ready. Raises ProcessFailedError."""
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
    """The inherited variables overridden by ours. An inherited NAME_FILE beside our NAME would be an error."""
    kept = {name: value for name, value in inherited.items() if name.removesuffix("_FILE") not in ours}
    return {**kept, **ours}
