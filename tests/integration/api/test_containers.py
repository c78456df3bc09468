"""Processes in images and in Kubernetes, with other ports, service links and read-only file systems."""

import shutil
import socket
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from devstack.ports import free_port
from devstack.processes import environment
from tests.integration.api.server import ROOT, SERVE, run_serve, serving
from tests.support.requirements import unavailable

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
LINKS = {
    "KAFKA_SSL_PORT": "tcp://10.0.0.1:9093",
    "KAFKA_SSL_PORT_9093_TCP_ADDR": "10.0.0.1",
    "KAFKA_SSL_SERVICE_HOST": "10.0.0.1",
    "KAFKA_SSL_SERVICE_PORT_CLIENTS": "9093",
    "KAFKA_PORT": "tcp://10.0.0.2:9092",
}
"""Of services named kafka-ssl and kafka."""


def health(**variables: str) -> int:
    """The exit code of the image's health check."""
    command = [sys.executable, "-m", "runtime.health_check"]
    return subprocess.run(command, cwd=ROOT, env=environment(**variables), check=False).returncode


@pytest.mark.parametrize("arguments", [("--port", "0"), ("--port", "0", "--host", "127.0.0.2")], ids=" ".join)
def test_health_check_finds_a_server_whose_options_override_the_image(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    image = {"PORT": str(free_port()), "OPS_PORT": str(free_port()), "HEALTH_NOTE": str(tmp_path / "note")}
    assert health(**image) == 1
    with serving(NOWHERE, *arguments, **image) as server:
        assert health(**image) == 0
        assert server.process.stop() == 0
    assert health(**image) == 1


def test_unwritable_address_file_stops_the_process_with_one_line(tmp_path: Path) -> None:
    found = run_serve(NOWHERE, HEALTH_NOTE=str(tmp_path / "missing" / "note"))
    assert (found.returncode, found.stderr.count("\n")) == (2, 1)
    assert found.stderr.startswith(f"HEALTH_NOTE: cannot write {tmp_path}")


@pytest.mark.parametrize("command", ["relay", "consume"])
def test_kubernetes_service_links_stop_no_process(command: str) -> None:
    """The occupied port is the only fault. It ends the process after all settings were accepted."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = {
            "DATABASE_URL": NOWHERE,
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "STRIPE_SECRET_KEY": "sk_test_1",
            "OPS_PORT": str(taken.getsockname()[1]),
        }
        env, words = environment(**given, **LINKS), [sys.executable, "cli.py", command]
        found = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 1
    # A thread of the client may log after the line that ends the process.
    assert [line for line in found.stderr.splitlines() if line.startswith("OPS_PORT: Address already in use")]


def mounted(*commands: str) -> list[str]:
    """A server with its own mounts."""
    own = ["unshare", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*own, "true"], check=False, capture_output=True).returncode:
        unavailable("mounts of one's own", "unshare --mount is not allowed", may_lack=True)
    return [*own, f'{"; ".join(commands)}; exec "$@"', "sh", *SERVE]


SHARED_MEMORY = "/dev/shm"  # noqa: S108 - mounted anew


def read_only(directory: str) -> str:
    return f"mount -t tmpfs -o ro tmpfs {directory}"


def test_server_runs_without_shared_memory() -> None:
    with serving(NOWHERE, command=mounted(read_only(SHARED_MEMORY))) as server:
        assert server.ask("GET", "/health", "/health").status == 200
        assert server.process.stop() == 0


def test_full_disk_ends_no_server_process(tmp_path: Path) -> None:
    """A metric is written through mapped memory: the kernel kills a process whose page finds no room on the disk."""
    with serving(
        NOWHERE, command=mounted(f"mount -t tmpfs -o size=1m tmpfs {tmp_path}"), TMPDIR=str(tmp_path)
    ) as server:
        disk = Path(f"/proc/{server.process.pid}/root{tmp_path}")
        with pytest.raises(OSError, match="No space left"):
            (disk / "others").write_bytes(bytes(2**21))
        for method, path in product(("GET", "POST", "PUT"), ("/metrics", "/openapi.json", "/history/u", "/docs")):
            connection = server.connect()
            connection.request(method, path)
            assert connection.getresponse().status < 500 or path == "/history/u"
            connection.close()
        assert not [line for line in server.lines() if "SIGBUS" in line["event"]]
        assert server.process.stop() == 0


def test_server_without_a_writable_directory_ends_with_one_line() -> None:
    # They stay mounted read-only, because the checkout itself may be inside one of them.
    others = "for each in /tmp /var/tmp; do mount --bind $each $each; mount -o remount,ro,bind $each; done"
    found = run_serve(NOWHERE, command=mounted(read_only(SHARED_MEMORY), others, f"cd {SHARED_MEMORY}"))
    assert (found.returncode, found.stderr.count("\n")) == (2, 1)
    assert found.stderr.startswith("TMPDIR: ")
