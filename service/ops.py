"""/health, /ready and /metrics of a process that has no HTTP face of its own (relay, consumer)."""

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

Readiness = Callable[[], str | None]
"""None when ready, else the name of the failing part and why."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Probes come every few seconds; they are not news."""


def start(port: int, readiness: Readiness, stage: Callable[[], str] | None = None) -> None:
    """Serve the three routes on ``port`` from a daemon thread; /ready also tells the ``stage`` of the work, in words.

    Raises OSError when the port is taken.
    """
    metrics = make_wsgi_app()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        fault = readiness() if path == "/ready" else None
        known = path in {"/health", "/ready"}
        status = "404 Not Found" if not known else "503 Service Unavailable" if fault else "200 OK"
        body = {"status": fault or ("ready" if path == "/ready" else "healthy" if known else "unknown route")}
        if stage is not None and path == "/ready":
            body["stage"] = stage()
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    server = make_server("", port, app, server_class=_Server, handler_class=_QuietHandler)
    threading.Thread(target=server.serve_forever, name="ops", daemon=True).start()
