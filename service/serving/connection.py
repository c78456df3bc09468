"""One client's connection, for the worker's loop and its threads. Neither of them ever waits for the client."""

import io
import socket
from typing import Any

from gunicorn.asgi.parser import ParseError, PythonProtocol

from service.api.requests import MAX_BODY_BYTES
from service.serving.refusals import BODY_TOO_LARGE, HEAD_TOO_LARGE, RequestRefusedError, refusal_of

MAX_HEAD_BYTES = 64 * 1024
"""Limit of the request line with all headers: twice the size that browsers and load balancers are known to send."""

_READ_BYTES = 64 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Exchange:
    """A whole request and its answer. It replaces the socket that gunicorn reads and writes."""

    def __init__(self, request: bytes) -> None:
        self._request = io.BytesIO(request)
        self.answer = bytearray()

    def recv(self, size: int) -> bytes:
        """Read from the request. It never waits, because the request is complete."""
        return self._request.read(size)

    def sendall(self, data: bytes) -> None:
        """Keep the data for the client."""
        self.answer += data

    def send(self, data: bytes) -> int:
        """Drop the data: gunicorn sends only 100 (Continue) this way, and the loop has sent one already."""
        return len(data)

    def shutdown(self, _how: int) -> None:
        """Ignore gunicorn's end of an answer that failed halfway: the loop closes the connection."""

    def close(self) -> None:
        """As ``shutdown``."""

    settimeout = shutdown

    @property
    def used_up(self) -> bool:
        """Whether all of the request was read. If not, the two parsers disagree about its end."""
        return not self._request.read(1)


class Connection:
    """A client's connection: it receives until the request is whole, and sends until the answer is gone."""

    def __init__(self, cfg: Any, client_socket: socket.socket, client: Any, server: Any) -> None:
        client_socket.setblocking(False)
        self.socket = client_socket
        self.client = client
        self.server = server
        self.unsent = b""
        self.stays = False
        self.sock = Exchange(b"")
        self.head_is_whole = False
        self._received = bytearray()
        self._head_bytes = 0
        self._body_bytes = 0
        self._framing = PythonProtocol(
            on_headers_complete=self._on_head,
            on_body=self._on_body,
            limit_request_line=cfg.limit_request_line,
            limit_request_fields=cfg.limit_request_fields,
            limit_request_field_size=cfg.limit_request_field_size,
        )

    def _on_head(self) -> bool:
        self.head_is_whole = True
        self._head_bytes = sum(len(name) + len(value) for name, value in self._framing.headers)
        return False

    def _on_body(self, chunk: bytes) -> None:
        self._body_bytes += len(chunk)

    @property
    def held_bytes(self) -> int:
        """Bytes that the unfinished request holds in memory."""
        return len(self._received)

    @property
    def is_whole(self) -> bool:
        """Whether the request is whole, and ready for a thread."""
        return bool(self._framing.is_complete)

    @property
    def path(self) -> bytes:
        """The path without its query, once the head is whole."""
        return bytes(self._framing.path).partition(b"?")[0]

    def receive(self) -> bool:
        """Read the bytes that have arrived; False if the client has gone. Raises RequestRefusedError."""
        try:
            data = self.socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if data:
            self._take(data)
        return bool(data)

    def discard(self) -> bool:
        """Read and drop the bytes that have arrived; False if the client has gone."""
        try:
            return bool(self.socket.recv(_READ_BYTES))
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False

    def _take(self, data: bytes) -> None:
        had_head = self.head_is_whole
        self._received += data
        try:
            self._framing.feed(data)
        except (ParseError, ValueError) as error:  # the second: a Content-Length of more digits than Python reads
            raise RequestRefusedError(refusal_of(error)) from error
        self._check_sizes()
        if self.head_is_whole and not had_head and not self.is_whole and self._expects_100_continue():
            self.socket.send(_CONTINUE)

    def _check_sizes(self) -> None:
        if (self._head_bytes if self.head_is_whole else len(self._received)) > MAX_HEAD_BYTES:
            raise RequestRefusedError(HEAD_TOO_LARGE)
        if not self.head_is_whole:
            return
        # The second limit is for a body in chunks so small that most of it is their frames.
        if max(self._framing.content_length or 0, self._body_bytes) > MAX_BODY_BYTES or (
            len(self._received) > MAX_BODY_BYTES + 2 * MAX_HEAD_BYTES
        ):
            raise RequestRefusedError(BODY_TOO_LARGE)

    def _expects_100_continue(self) -> bool:
        return (b"expect", b"100-continue") in [(name, value.lower()) for name, value in self._framing.headers]

    def begin_exchange(self) -> None:
        """Put the whole request into ``sock``, where gunicorn reads it."""
        end = len(self._received) - len(self._framing.remaining())
        self.sock = Exchange(bytes(self._received[:end]))

    def next_request(self) -> None:
        """Begin the next request with the bytes that followed the last one. Raises RequestRefusedError."""
        rest = self._framing.remaining()
        self._framing.reset()
        self._received.clear()
        self.head_is_whole, self._body_bytes = False, 0
        if rest:
            self._take(rest)

    def flush(self) -> bool:
        """Send as much of the answer as the client accepts now; True if all is sent. Raises OSError."""
        if self.unsent:
            try:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            except (BlockingIOError, InterruptedError):
                return False
        return not self.unsent

    def leave(self) -> None:
        """End the sending direction. Raises OSError if the client has gone."""
        self.socket.shutdown(socket.SHUT_WR)
