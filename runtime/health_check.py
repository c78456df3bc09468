"""``python -m runtime.health_check``: a container's health check; exits 0 when the process in it says it is healthy."""

import http.client
import os
import sys

_ANSWER_SECONDS = 3.0


def healthy(port: int) -> bool:
    """Whether the process that listens there is alive."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """One of two ports has the answer: PORT of ``serve``, OPS_PORT of ``relay`` and ``consume``."""
    ports = {int(os.environ[name]) for name in ("PORT", "OPS_PORT") if os.environ.get(name)}
    return 0 if any(healthy(port) for port in ports) else 1


if __name__ == "__main__":
    sys.exit(main())
