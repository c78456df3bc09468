"""A network that can fail: a TCP proxy in front of a server, whose packets can be lost, held or reset."""

import ctypes
import os
import selectors
import socket
import struct
import threading
from urllib.parse import urlsplit, urlunsplit

from devstack.lifetimes import ClosedAtExit

_HOST = "127.0.0.1"
_CHUNK = 65_536
_TICK_SECONDS = 0.05
_DROP_EVERYTHING = struct.pack("HBBI", 0x06, 0, 0, 0)  # One instruction of classic BPF: BPF_RET | BPF_K, 0 bytes.
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
"""From Linux, include/uapi/asm-generic/socket.h; Python has no names for them."""


class TcpProxy(ClosedAtExit):
    """Forwards every connection to ``port`` until a test asks for a failure. It needs no special rights (Linux only).

    ``lose_packets`` is a network that loses packets: the kernel drops them before TCP sees them (socket(7),
    SO_ATTACH_FILTER), so neither old nor new connections get an acknowledgment. ``hold`` is a peer that hangs: its
    kernel acknowledges, but no data come back. ``reset`` ends every connection.
    """

    def __init__(self, port: int, host: str = _HOST) -> None:
        self._target = (host, port)
        self._listener = socket.create_server((_HOST, 0))
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._losing = False
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        self._resets = 0
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="tcp-proxy", daemon=True).start()

    @property
    def address(self) -> str:
        """host:port of this proxy."""
        return f"{_HOST}:{self.port}"

    def through(self, url: str) -> str:
        """The same URL through this proxy."""
        parts = urlsplit(url)
        user = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{user}{'@' if user else ''}{_HOST}:{self.port}"))

    def lose_packets(self) -> None:
        """From now on no packet of a client arrives, and none is acknowledged."""
        with self._lock:
            self._losing = True
            for one in (self._listener, *(client for client, _ in self._pairs)):
                _lose(one)

    def hold(self) -> None:
        """From now on accept all data and forward none."""
        self._flowing.clear()

    def reset(self) -> None:
        """End every connection at once, as the kill of a server does."""
        with self._lock:
            self._resets += 1

    def mend(self) -> None:
        """Forward everything again, also on connections that are still open."""
        with self._lock:
            if self._losing:
                for one in (self._listener, *(client for client, _ in self._pairs)):
                    one.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
            self._losing = False
        self._flowing.set()

    @property
    def connections(self) -> int:
        """The number of connected clients."""
        with self._lock:
            return len(self._pairs)

    def close(self) -> None:
        """End every connection and stop listening."""
        self._closed = True
        self._flowing.set()
        _shut(self._listener)
        self._listener.close()
        self.reset()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._pairs.append((client, server))
                if self._losing:
                    _lose(client)
            pair = (client, server, self._resets)
            threading.Thread(target=self._forward, args=pair, name="tcp-proxy-pair", daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket, resets: int) -> None:
        """Forwards both directions, until one end closes or a reset ends the connection."""
        other = {client.fileno(): server, server.fileno(): client}
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ)
            ready.register(server, selectors.EVENT_READ)
            while resets == self._resets and self._pass_on(ready, other):
                pass
        with self._lock:
            self._pairs = [pair for pair in self._pairs if pair != (client, server)]
        for one in (client, server):
            if resets != self._resets:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()

    def _pass_on(self, ready: selectors.BaseSelector, other: dict[int, socket.socket]) -> bool:
        if not self._flowing.wait(_TICK_SECONDS):
            return True
        try:
            for key, _ in ready.select(_TICK_SECONDS):
                if not self._flowing.is_set():
                    return True
                target = other[key.fd]
                data = os.read(key.fd, _CHUNK)
                if not data:
                    return False
                target.sendall(data)
        except OSError:
            return False
        return True


def _lose(one: socket.socket) -> None:
    program = ctypes.create_string_buffer(_DROP_EVERYTHING)
    one.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # not connected any more
