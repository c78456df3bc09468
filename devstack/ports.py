"""Ports that a server keeps across a restart."""

import random
import socket

_BELOW_EPHEMERAL = range(15_000, 32_000)  # Outgoing connections use ports from 32768 up (Linux ip_local_port_range).


def free_port(host: str = "127.0.0.1") -> int:
    """A free TCP port outside the range of outgoing connections, which could take it while a server restarts."""
    chooser = random.SystemRandom()
    while True:
        port = chooser.choice(_BELOW_EPHEMERAL)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


def accepts_connections(host: str, port: int) -> bool:
    """Whether a server listens on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
