"""The ops port of relay and consumer answers, independent of other clients of the port."""

import http.client
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from devstack.ports import free_port
from devstack.processes import Command, ManagedProcess, environment, scratch_directory
from tests.integration.api.server import ROOT

SILENT = 1000
FILES = 512
"""File descriptors of the process: fewer than the silent clients."""

PATIENCE_SECONDS = 5.0


def _probe(port: int, path: str = "/health") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def _is_healthy(port: int) -> bool:
    try:
        return _probe(port) == 200
    except OSError:
        return False


@pytest.fixture(params=["relay", "consume"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """The ops port of a process whose database and broker are unavailable."""
    port, nowhere = free_port(), free_port()
    settings = {
        "DATABASE_URL": f"postgresql://u:p@127.0.0.1:{nowhere}/none",
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{nowhere}",
        "STRIPE_SECRET_KEY": "sk_test_1",
        "OPS_PORT": str(port),
        "SHUTDOWN_GRACE": "1s",
    }
    scratch = scratch_directory("ops")
    limited = ["sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh"]
    argv = [*limited, sys.executable, str(ROOT / "cli.py"), request.param]
    process = ManagedProcess(
        Command(name="ops", argv=argv, log=scratch / "log", cwd=ROOT, scratch=scratch, env=environment(**settings))
    )
    try:
        process.wait_until(lambda: _is_healthy(port), 60)
        yield port
    finally:
        process.kill()


def test_probe_is_answered_despite_a_thousand_silent_clients(port: int) -> None:
    with ExitStack() as stack:
        for _ in range(SILENT):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
        assert [_probe(port, path) for path in ("/health", "/ready", "/metrics")] == [200, 503, 200]


def test_ops_port_listens_on_other_hosts_only_if_configured(port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), 30)
