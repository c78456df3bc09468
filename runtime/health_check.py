"""``python -m runtime.health_check``: a container's health check. Exits 0 when the process in it is healthy."""

import http.client
import os
import sys

_ANSWER_SECONDS = 3.0


def healthy(port: int) -> bool:
    """Whether the process that listens on ``port`` is alive."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """Ask PORT (of ``serve``) and OPS_PORT (of ``relay`` and ``consume``). The exit code is 0 if one answers."""
    ports = {int(os.environ[name]) for name in ("PORT", "OPS_PORT") if os.environ.get(name)}
    return 0 if any(healthy(port) for port in ports) else 1


if __name__ == "__main__":
    sys.exit(main())
