"""``python -m runtime.health_check``: a container's health check. Exits 0 when the process in it is healthy."""

import http.client
import os
import socket
import sys
from pathlib import Path

from runtime.settings_source import SettingError

_ANSWER_SECONDS = 3.0
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - never bound here

Address = tuple[str, int]


def note(path: str | None, listener: socket.socket) -> None:
    """Write the address of /health into the file at ``path``, if there is one. Raises SettingError."""
    if path is None:
        return
    host, port = listener.getsockname()[:2]
    file = Path(path)
    try:
        unfinished = file.with_name(f"{file.name}.partial")
        unfinished.write_text(f"{host} {port}\n", encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        raise SettingError(f"HEALTH_NOTE: cannot write {path}: {error.strerror}") from error


def healthy(address: Address) -> bool:
    """Whether the process that listens there is alive."""
    connection = http.client.HTTPConnection(*address, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _noted(path: str) -> Address | None:
    """None before the process listens, and for a file that no process wrote."""
    try:
        host, port = Path(path).read_text(encoding="utf-8").split()
        return _LOOPBACK.get(host, host), int(port)
    except (OSError, ValueError):
        return None


def main() -> int:
    """Ask the address in the file HEALTH_NOTE; without this setting, PORT (of ``serve``) and OPS_PORT (of ``relay`` and
    ``consume``) on this host. The exit code is 0 if one answers.

    A process notes the address at which it really listens: options of ``serve`` go over HOST and PORT.
    """
    path = os.environ.get("HEALTH_NOTE")
    if path:
        address = _noted(path)
        return 0 if address is not None and healthy(address) else 1
    ports = {int(os.environ[name]) for name in ("PORT", "OPS_PORT") if os.environ.get(name)}
    return 0 if any(healthy(("127.0.0.1", port)) for port in ports) else 1


if __name__ == "__main__":
    sys.exit(main())
