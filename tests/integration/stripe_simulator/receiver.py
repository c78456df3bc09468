"""A webhook endpoint that checks signatures with the real library."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe

SECRET = "whsec_integration"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.receive(body, self.headers["Stripe-Signature"])
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Receiver(ThreadingHTTPServer):
    """Collects events. The first `fail_first` deliveries are answered with 503."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fail_first = 0
        self.events: list[stripe.Event] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhook"

    def receive(self, body: bytes, signature: str) -> int:
        event = stripe.Webhook.construct_event(body, signature, SECRET)
        with self._lock:
            if self.fail_first:
                self.fail_first -= 1
                return 503
            self.events.append(event)
            return 200

    def types(self) -> list[str]:
        with self._lock:
            return [event.type for event in self.events]
