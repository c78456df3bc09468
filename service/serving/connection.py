"""One client's connection, as the worker's loop and its threads use it: neither ever waits for the client."""

import io
import socket
from typing import Any

from gunicorn.asgi.parser import ParseError, PythonProtocol

from service.api.requests import MAX_BODY_BYTES
from service.serving.refusals import BODY_TOO_LARGE, HEAD_TOO_LARGE, RequestRefusedError, refusal_of

MAX_HEAD_BYTES = 64 * 1024
"""Request line and all headers: twice what browsers and load balancers are known to send."""

_READ_BYTES = 64 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Exchange:
    """A whole request and the answer to it, in the place of the socket that gunicorn reads and writes."""

    def __init__(self, request: bytes) -> None:
        self._request = io.BytesIO(request)
        self.answer = bytearray()

    def recv(self, size: int) -> bytes:
        """Never waits: what is not there will not come."""
        return self._request.read(size)

    def sendall(self, data: bytes) -> None:
        """Keep for the client."""
        self.answer += data

    def send(self, data: bytes) -> int:
        """Only gunicorn's own 100 (Continue) comes this way; the loop has sent one already."""
        return len(data)

    def shutdown(self, _how: int) -> None:
        """gunicorn's end of an answer that failed halfway; the loop closes the connection."""

    def close(self) -> None:
        """As ``shutdown``."""

    settimeout = shutdown

    @property
    def used_up(self) -> bool:
        """Whether all of the request was read: if not, the two parsers did not agree where it ends."""
        return not self._request.read(1)


class Connection:
    """Bytes in until a request is whole; bytes out until the answer has gone."""

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
        """Memory that the unfinished request takes."""
        return len(self._received)

    @property
    def is_whole(self) -> bool:
        """Whether a thread can have the request."""
        return bool(self._framing.is_complete)

    @property
    def path(self) -> bytes:
        """Of a request whose head is whole, without its query."""
        return bytes(self._framing.path).partition(b"?")[0]

    def receive(self) -> bool:
        """Take what has come; False when the client has gone. Raises RequestRefusedError."""
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
        """Read past what nobody wants any more; False when the client has gone."""
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
        if self.head_is_whole and not had_head and not self.is_whole and self._wants_to_be_told():
            self.socket.send(_CONTINUE)

    def _check_sizes(self) -> None:
        if (self._head_bytes if self.head_is_whole else len(self._received)) > MAX_HEAD_BYTES:
            raise RequestRefusedError(HEAD_TOO_LARGE)
        if not self.head_is_whole:
            return
        # The second bound is for a body in chunks so small that it is mostly their frames.
        if max(self._framing.content_length or 0, self._body_bytes) > MAX_BODY_BYTES or (
            len(self._received) > MAX_BODY_BYTES + 2 * MAX_HEAD_BYTES
        ):
            raise RequestRefusedError(BODY_TOO_LARGE)

    def _wants_to_be_told(self) -> bool:
        return (b"expect", b"100-continue") in [(name, value.lower()) for name, value in self._framing.headers]

    def begin_exchange(self) -> None:
        """Hand the whole request to whoever reads ``sock``."""
        end = len(self._received) - len(self._framing.remaining())
        self.sock = Exchange(bytes(self._received[:end]))

    def next_request(self) -> None:
        """Begin again with what the client had already sent behind the last request. Raises RequestRefusedError."""
        rest = self._framing.remaining()
        self._framing.reset()
        self._received.clear()
        self.head_is_whole, self._body_bytes = False, 0
        if rest:
            self._take(rest)

    def flush(self) -> bool:
        """Send as much of the answer as the client takes now; whether all has gone. Raises OSError."""
        if self.unsent:
            try:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            except (BlockingIOError, InterruptedError):
                return False
        return not self.unsent

    def leave(self) -> None:
        """Say that nothing more comes. Raises OSError when the client has gone."""
        self.socket.shutdown(socket.SHUT_WR)
