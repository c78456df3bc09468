"""The simulator's command line: ports, files and signals."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from devstack.stripe_simulator.process import StartError, running

_COMMAND = [sys.executable, "-m", "devstack.stripe_simulator"]


def test_process_prints_its_port_and_ends_on_sigterm(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    command = [*_COMMAND, "--port-file", str(port_file), "--latency", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline().strip()
            port = int(port_file.read_text())
            assert line == f"http://127.0.0.1:{port}"
            with socket.create_connection(("127.0.0.1", port)):
                process.send_signal(signal.SIGTERM)
                assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_connection_serves_two_requests() -> None:
    with running() as control:
        pool = urllib3.HTTPConnectionPool("127.0.0.1", int(control.base_url.rsplit(":", 1)[1]), maxsize=1)
        for _ in range(3):
            assert pool.request("GET", "/_simulator/health").status == 200
        assert pool.num_connections == 1
        pool.close()


def test_bad_arguments_prevent_the_start() -> None:
    with pytest.raises(StartError, match="exit code 2"), running("--webhook-url", "http://127.0.0.1:1/"):
        pass
