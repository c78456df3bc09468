"""gunicorn's worker and logger, made to speak as the rest of the service does."""

import json
import logging
import os
import select
import signal
import socket
import struct
from typing import Any

from gunicorn.glogging import Logger as GunicornLogger
from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

_UNREADABLE = (400, "Bad Request", "MALFORMED_REQUEST", "The request is not valid HTTP; mend it.")
_INTERNAL = (500, "Internal Server Error", "INTERNAL_ERROR", "This is a fault of the service; tell its operators.")
_BY_FAULT: dict[type[Exception], tuple[int, str, str, str]] = {
    errors.LimitRequestLine: (414, "URI Too Long", "URI_TOO_LONG", "The URI is too long; send a shorter one."),
    errors.LimitRequestHeaders: (
        431, "Request Header Fields Too Large", "HEADERS_TOO_LARGE", "The headers are too large; send fewer.",
    ),
    errors.UnsupportedTransferCoding: (501, "Not Implemented", "MALFORMED_REQUEST", "Send the body plain or chunked."),
    errors.ExpectationFailed: (417, "Expectation Failed", "MALFORMED_REQUEST", "Only 100-continue can be expected."),
}  # fmt: skip


IDLE_SECONDS = 30
"""Longest silence in the middle of a request or of its answer: gunicorn would give such a client a thread for ever."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads; a stopping worker takes nobody in; what is no HTTP is answered in the contract's error shape."""

    def init_signals(self) -> None:
        """Also takes a SIGTERM that came since the fork: see ``hold_sigterm_across_forks``."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection that has something to say to a thread."""
        if not conn.initialized:
            bound_waits(conn.sock)
        super().enqueue_req(conn)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Also closes the listeners of a stopping worker: who comes later is refused, not left to wait and dropped."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                while select.select([listener], [], [], 0)[0]:
                    self.accept(listener)
                listener.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that never reached the application."""
        ours = isinstance(exc, errors.InvalidResponseHeader | errors.InvalidResponseHeaderName)
        if isinstance(exc, errors.ParseException) and not ours:
            self.log.info("unreadable request: %s", type(exc).__name__)
            answer = _BY_FAULT.get(type(exc), _UNREADABLE)
        else:
            self.log.exception("request failed outside the application")
            answer = _INTERNAL
        try:
            write_nonblock(client, _response(*answer))
        except OSError as error:
            self.log.debug("client went away: %s", error)


def hold_sigterm_across_forks() -> None:
    """Keep a SIGTERM for a worker that has no handler of its own yet; for good, in this process.

    gunicorn sends it once. A worker that has only just been forked would take it with its master's handler, go on, and
    hold the master up for the whole grace period.
    """
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM}),
    )


def bound_waits(connection: socket.socket) -> None:
    """Let blocking reads and writes end after ``IDLE_SECONDS`` (Linux manual page socket(7), "SO_RCVTIMEO")."""
    limit = struct.pack("ll", IDLE_SECONDS, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _response(status: int, reason: str, code: str, message: str) -> bytes:
    body = json.dumps({"success": False, "error": code, "message": message})
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("latin-1")


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's lines go where all lines go."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and formats to the root logger."""
        super().setup(cfg)
        logging.getLogger("gunicorn.error").propagate = True
