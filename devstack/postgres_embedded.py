"""An embedded PostgreSQL server: one directory and one loopback port, removed with this process."""

import os
import secrets
import shutil
import signal
from contextlib import closing
from pathlib import Path
from typing import Literal, Self

import psycopg2

from devstack.databases import Databases
from devstack.lifetimes import StartedAtEntry
from devstack.ports import free_port
from devstack.postgres_install import find_install, scratch_for, server_user
from devstack.processes import Command, ManagedProcess, ProcessFailedError, environment, run_to_end

StopMode = Literal["smart", "fast", "immediate"]

_USER = "payments"
_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_START_ATTEMPTS = 3
_SIGNALS: dict[StopMode, signal.Signals] = {  # PostgreSQL documentation, "Shutting Down the Server"
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}

# Without fsync a kill -9 loses nothing: written data are in the kernel, and only a crash of the operating system loses
# them. But the kill can interrupt a write and tear a page, so full_page_writes stays on.
SETTINGS: dict[str, str] = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "max_connections": "400",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # in the data directory, so that nothing stays behind in /dev/shm
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_SCRAM = ("--set", "scram_iterations=1")
"""Ours is a random password of 144 bits, which needs no iterations. They would double the time of a connection."""


class EmbeddedPostgres(StartedAtEntry):
    """A server that can be stopped, killed and started again on the same data and port. `close` removes the data."""

    kind: Literal["embedded"] = "embedded"

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        """`settings` override SETTINGS, by the names of postgresql.conf.

        Raises PostgresUnavailableError, ProcessFailedError.
        """
        self._settings = {**SETTINGS, **(settings or {})}
        user = server_user()
        self._scratch = scratch_for(user)
        self._process: ManagedProcess | None = None
        self._password = secrets.token_urlsafe(18)
        self.port = 0
        try:
            self._install = find_install(user, self._scratch)
            self._initialize()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The URL of the administrative database, for the owner of the cluster."""
        return f"postgresql://{_USER}:{self._password}@{_HOST}:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """The process id of the postmaster. Raises RuntimeError when it does not run."""
        if self._process is None:
            raise RuntimeError("PostgreSQL does not run")
        return self._process.pid

    @property
    def databases(self) -> Databases:
        return Databases(self.url)

    @property
    def data_directory(self) -> Path:
        """The directory that a file system backup copies while the server is stopped."""
        return self._scratch / "data"

    def start(self) -> Self:
        """Returns when the server answers. Raises ProcessFailedError."""
        first_start = self.port == 0
        for attempt in range(1, _START_ATTEMPTS + 1):
            if first_start:
                self.port = free_port(_HOST)
            try:
                self._start_once()
            except ProcessFailedError as error:
                self.kill()
                if attempt == _START_ATTEMPTS or not (first_start and "could not bind" in str(error)):
                    raise
            else:
                break
        return self

    def stop(self, mode: StopMode = "fast") -> None:
        """An orderly shutdown that keeps the data."""
        if self._process is not None:
            self._process.stop(_SIGNALS[mode])
            self._process = None

    def renew(self) -> None:
        """Replace the cluster by an empty one with the same address and password."""
        self.stop()
        shutil.rmtree(self.data_directory)
        self._initialize()
        self.start()

    def promote(self) -> None:
        """Restart as a standby and promote it: nothing is lost, and a new timeline begins.

        PostgreSQL documentation, "Log-Shipping Standby Servers" and "Timelines".
        """
        self.stop()
        signal_file = self.data_directory / "standby.signal"
        signal_file.touch()
        owner = self.data_directory.stat()
        os.chown(signal_file, owner.st_uid, owner.st_gid)
        self.start()
        with closing(psycopg2.connect(self.url)) as session, session.cursor() as cursor:
            cursor.execute("SELECT pg_promote()")

    def run(self, program: str, *arguments: str, seconds: float = 60.0) -> None:
        """Run one of PostgreSQL's programs (pg_dump, pg_restore, psql) to its end. Raises ProcessFailedError."""
        run_to_end(self._command(program, *arguments), seconds)

    def kill(self) -> None:
        """kill -9 of the postmaster; returns when its backends have ended, too, so that it can start again."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        """Ends the server and removes its data."""
        self.stop("immediate")  # A kill -9 would leave the shared memory behind.
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _command(self, program: str, *arguments: str) -> Command:
        return Command(
            name=program,
            argv=[str(self._install.bin / program), *arguments],
            log=self._scratch / f"{program}.log",
            env=environment(LC_ALL="C", TZ="UTC"),
            cwd=self._scratch,
            run_as=self._install.run_as,
            scratch=self._scratch,
            stop_signal=signal.SIGQUIT,
        )

    def _initialize(self) -> None:
        password_file = self._scratch / "password"
        password_file.write_text(self._password)
        if self._install.run_as is not None:
            shutil.chown(password_file, *self._install.run_as)
        arguments = [
            *("--pgdata", "data", "--username", _USER, "--pwfile", password_file.name),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"),
            "--locale=C",
            *(_LOCALE if self._install.major >= 17 else ()),
            *(_SCRAM if self._install.major >= 16 else ()),
        ]
        run_to_end(self._command("initdb", *arguments), 60)
        password_file.unlink()

    def _start_once(self) -> None:
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        self._process = ManagedProcess(
            self._command("postgres", "-D", str(self.data_directory), "-p", str(self.port), *settings)
        )
        self._process.wait_until(self._answers, _START_SECONDS)

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url, connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True
