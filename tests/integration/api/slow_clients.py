"""Clients that occupy connections and never finish their requests."""

import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

BEAT_SECONDS = 1.0
SMALL_BUFFER = 4096
SMALL_SEGMENT = 536


@dataclass
class SlowClients:
    """Many connections that each send ``first``, and then ``drip`` once a second."""

    port: int
    first: bytes
    drip: bytes
    reads: bool = True
    answers: list[bytes] = field(default_factory=list)
    _open: dict[socket.socket, bytes] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def begin(self, count: int) -> None:
        """Open ``count`` connections."""
        for _ in range(count):
            connection = socket.socket()
            if not self.reads:
                # Before the connection: small buffers and segments, so that the server cannot buffer much.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL_SEGMENT)
            connection.settimeout(30)
            connection.connect(("127.0.0.1", self.port))
            connection.sendall(self.first)
            connection.setblocking(False)
            self._open[connection] = b""

    def run(self) -> None:
        """Send and listen until stopped."""
        with selectors.DefaultSelector() as selector:
            if self.reads:
                for connection in self._open:
                    selector.register(connection, selectors.EVENT_READ)
            due = time.monotonic() + BEAT_SECONDS
            while not self._stop.is_set():
                for key, _ in selector.select(0.1):
                    if isinstance(key.fileobj, socket.socket) and not self._read(key.fileobj):
                        selector.unregister(key.fileobj)
                        self._forget(key.fileobj)
                if time.monotonic() >= due:
                    due += BEAT_SECONDS
                    self._drip()

    @property
    def left(self) -> int:
        """The number of connections that the server has not closed."""
        return len(self._open)

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        for connection in list(self._open):
            self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        self.answers.append(self._open.pop(connection))
        connection.close()

    def _read(self, connection: socket.socket) -> bool:
        try:
            received = connection.recv(65536)
        except ConnectionResetError:
            return False
        self._open[connection] += received
        return bool(received)

    def _drip(self) -> None:
        for connection in list(self._open) if self.drip else []:
            try:
                connection.send(self.drip)
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                continue


@contextmanager
def slow_clients(port: int, count: int, first: bytes, drip: bytes, *, reads: bool = True) -> Iterator[SlowClients]:
    """``count`` clients, which run beside the test."""
    clients = SlowClients(port, first, drip, reads)
    clients.begin(count)
    thread = threading.Thread(target=clients.run, daemon=True)
    thread.start()
    try:
        yield clients
    finally:
        clients.stop()
        thread.join(30)
        clients.close()
