"""The HTTP server: gunicorn within this process, with threads in a few worker processes."""

import gc
import math
import os
import resource
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http import wsgi

from runtime import health_check, logs, trace_export
from runtime.crash_points import refuse_unknown
from runtime.current import Current
from runtime.settings_source import SettingError
from service.crash_points import CrashPoint
from service.settings import ServiceSettings

if TYPE_CHECKING:
    from flask import Flask

    from service.serving.worker import Worker

WORKER_TIMEOUT_SECONDS = 60
"""A worker whose main loop is silent for this long is replaced. Requests run on threads and do not block the loop."""

BACKLOG = 2048

OTHER_DESCRIPTORS = 1024
"""Descriptors for the database, Stripe, the files of metrics, and the log."""

SERVER_NAME = "payment-service"
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory
"""The first place for heartbeats and metrics: on a full disk the kernel ends a worker that writes to a mapped page."""


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, current: Current[ServiceSettings], listener: int, beats: Path) -> None:
        self.current = current
        self.settings = current()
        self._listener = listener
        self._beats = beats
        self.traces = trace_export.Export()
        super().__init__()

    def load_config(self) -> None:
        for name, value in options(self.settings, self._listener, self._beats).items():
            self.cfg.set(name, value)

    def load(self) -> "Flask":
        # Called in each worker: a pool of connections must not be shared across a fork.
        from service.bootstrap import build_service

        self.traces = trace_export.begin("service")
        return build_service(self.current)


class _Master(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    def handle_hup(self) -> None:
        """Have the workers read their secrets again. gunicorn would start new workers, and close idle connections."""
        if self.app.current.renew():
            self.kill_workers(signal.SIGHUP)


def options(settings: ServiceSettings, listener: int, beats: Path) -> dict[str, Any]:
    """gunicorn's settings (gunicorn documentation, "Settings"), for a socket that listens already.

    ``beats``: the directory of the files by which the master sees that its workers are alive.
    """
    return {
        "bind": f"fd://{listener}",
        "workers": settings.workers,
        "worker_class": "service.serving.worker.Worker",
        # One thread for each connection of the pool: no request ever waits for a connection.
        "threads": settings.database_pool_size,
        "timeout": WORKER_TIMEOUT_SECONDS,
        "graceful_timeout": math.ceil(settings.shutdown_grace.total_seconds()),
        # The worker has its own limit. At this higher one, with every connection busy, gunicorn stops accepting.
        "worker_connections": settings.http_connections + settings.database_pool_size,
        # The worker sends each answer itself, and the operating system cannot send a file to it.
        "sendfile": False,
        "worker_tmp_dir": str(beats),
        "errorlog": None,
        "loglevel": settings.log_level.lower(),
        "logger_class": "service.serving.logger.Logger",
        "control_socket_disable": True,
        "worker_exit": lambda _arbiter, worker: worker.app.traces.close(),
        "forwarder_headers": "",
        "proc_name": SERVER_NAME,
        "child_exit": _forget_gauges,
    }


def _forget_gauges(_server: object, worker: "Worker") -> None:
    """The gauges of a worker that died end with it (prometheus_client, "Multiprocess Mode"). Its counters go on."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def listen(host: str, port: int) -> int:
    """The descriptor of a listening socket. Raises SettingError at once; gunicorn itself would retry for 5 s."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG).detach()
    except (OSError, UnicodeError) as error:
        reason = str(error.strerror).partition(" (")[0] if isinstance(error, OSError) else "that is no host name"
        raise SettingError(f"HOST, PORT: cannot listen on {host}, port {port}: {reason}") from error


def scratch(name: str, *parents: Path) -> Path:
    """A new directory in the first of ``parents`` that takes one. Raises SettingError."""
    faults = []
    for parent in parents:
        try:
            return Path(tempfile.mkdtemp(prefix=f"payment-service-{name}-", dir=parent))
        except OSError as error:
            faults.append(f"{parent}: {error.strerror}")
    raise SettingError(f"TMPDIR: no directory for temporary files ({'; '.join(faults)})")


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise SettingError(f"TMPDIR: {error.strerror}") from error


def allow_descriptors(connections: int) -> None:
    """Raise this process's soft limit of open files for this number of connections, up to the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft not in {resource.RLIM_INFINITY} and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def serve(current: Current[ServiceSettings]) -> int:
    """Serve until SIGTERM (drains within ``shutdown_grace``) or SIGINT (stops at once); returns the exit code.

    The start does not wait for the database. Port 0 takes a free port, which the log names. SIGHUP renews the secrets
    of all workers. Raises SettingError when the address or another setting cannot be used.
    """
    refuse_unknown(CrashPoint)
    settings = current()
    logs.configure(settings.log_level, settings.log_format, "service")
    logs.log_uncaught()
    with ExitStack() as stack:
        # Each start has a directory of its own: an earlier start's metrics would be counted, too.
        figures = stack.enter_context(_kept_by_master(scratch("metrics", SHARED_MEMORY, _temporary())))
        beats = stack.enter_context(_kept_by_master(scratch("beats", SHARED_MEMORY, _temporary())))
        os.environ[METRICS_VARIABLE] = str(figures)
        listener = listen(settings.host, settings.port)
        _note(settings.health_note, listener)
        allow_descriptors(settings.http_connections)
        wsgi.SERVER = SERVER_NAME
        return _run(_Server(current, listener, beats))


@contextmanager
def _kept_by_master(directory: Path) -> Iterator[Path]:
    """The directory, removed at the master's end; its workers leave this block, too."""
    master = os.getpid()
    try:
        yield directory
    finally:
        if os.getpid() == master:
            shutil.rmtree(directory, ignore_errors=True)


def _note(path: str | None, listener: int) -> None:
    with socket.socket(fileno=os.dup(listener)) as listening:
        health_check.note(path, listening)


def _run(server: _Server) -> int:
    # Imported once, here, so that the workers share the memory. prometheus_client reads its variable on import.
    import service.bootstrap  # noqa: F401
    from service.serving.worker import hold_signals_across_forks

    # Present objects live as long as the process. A collector that visits them would write to every page, and end
    # the sharing.
    gc.collect()
    gc.freeze()
    hold_signals_across_forks()
    try:
        _Master(server).run()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    return 0
