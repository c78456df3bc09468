"""A pooler that lends PostgreSQL's sessions by the transaction, as PgBouncer does with pool_mode=transaction.

It has one session, accepts every client, supports only the simple query protocol, and ignores clients' settings.
"""

import os
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg2

_NO_TLS = {80877103, 80877104}
"""SSLRequest and GSSENCRequest (PostgreSQL documentation, "Message Formats")."""

_ENDS = {b"X", b""}
_GREETING = (
    b"R\0\0\0\x08\0\0\0\0"
    + b"".join(
        b"S" + struct.pack("!i", 4 + len(pair)) + pair
        for pair in (b"client_encoding\0UTF8\0", b"server_version\x0018.0\0", b"standard_conforming_strings\0on\0")
    )
    + b"Z\0\0\0\x05I"
)


class TransactionPooler:
    """The pooler, which runs inside a ``with`` block."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._server = psycopg2.connect(url)
        self._session = socket.socket(fileno=os.dup(self._server.fileno()))
        self._session.setblocking(True)
        self._lent = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        """The URL of the database through the pooler."""
        parts = urlsplit(self._url)
        place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@{place}"))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._session.close()
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            while _startup(client) in _NO_TLS:
                client.sendall(b"N")
            client.sendall(_GREETING)
            while (message := _message(client.recv))[:1] not in _ENDS:
                with self._lent:
                    while self._answer(client, message) != b"I":
                        message = _message(client.recv)

    def _answer(self, client: socket.socket, message: bytes) -> bytes:
        """The state of the transaction after it: ``I`` for none."""
        self._session.sendall(message)
        while True:
            answer = _message(self._session.recv)
            client.sendall(answer)
            if answer[:1] == b"Z":
                return answer[5:]


def _startup(client: socket.socket) -> int:
    """The code of the client's first message."""
    (length,) = struct.unpack("!i", _read(client.recv, 4))
    return int(struct.unpack("!i", _read(client.recv, length - 4)[:4])[0])


def _message(receive: Callable[[int], bytes]) -> bytes:
    kind = receive(1)
    if not kind:
        return b""
    length = _read(receive, 4)
    return kind + length + _read(receive, struct.unpack("!i", length)[0] - 4)


def _read(receive: Callable[[int], bytes], size: int) -> bytes:
    found = b""
    while len(found) < size:
        some = receive(size - len(found))
        if not some:
            raise ConnectionError("the other side has closed")
        found += some
    return found
