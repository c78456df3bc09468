"""A signal that arrives between a worker's fork and its handlers is not lost."""

import selectors
import socket
import subprocess
import sys

import pytest

from service.serving.worker import Worker
from tests.integration.api.server import ROOT

_NEWBORN = """
import os, signal, sys, threading
from unittest.mock import Mock
from pydantic import SecretStr
from runtime.current import Current
from runtime.settings import ProcessSettings
from service.serving.worker import Worker, hold_signals_across_forks
number = signal.Signals[sys.argv[1]]
for each in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, lambda *_: None)
hold_signals_across_forks()
settings, read = ProcessSettings(database_url=SecretStr("postgresql://db/x")), threading.Event()
if (child := os.fork()) == 0:
    os.kill(os.getpid(), number)
    worker = Worker.__new__(Worker)
    worker.alive, worker.PIPE, worker.method_queue = True, os.pipe(), Mock()
    worker.app = Mock(current=Current(settings, lambda: read.set() or settings))
    os.set_blocking(worker.PIPE[1], False)
    worker.init_signals()
    os._exit(0 if (read.wait(30) if number == signal.SIGHUP else not worker.alive) else 1)
print(os.waitpid(child, 0)[1], signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signal_to_a_worker_without_handlers_is_not_lost(name: str) -> None:
    """The master's handlers do nothing here and are not the worker's. The master still receives its own signals."""
    command = [sys.executable, "-c", _NEWBORN, name]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.endswith("0 set()\n")


def test_worker_stopped_before_its_loop_closes_its_listener_and_ends() -> None:
    """The loop opens the listener once, even then, and stops accepting when it ends."""
    worker = Worker.__new__(Worker)
    listener = socket.create_server(("127.0.0.1", 0))
    worker.alive, worker._accepting, worker.nr_conns, worker.sockets = False, False, 0, [listener]
    worker.poller = selectors.DefaultSelector()
    worker.set_accept_enabled(True)
    worker.set_accept_enabled(False)
    assert listener.fileno() == -1
    worker.poller.close()
