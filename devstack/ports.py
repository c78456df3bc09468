"""Ports that stay ours across a restart."""

import random
import socket

_BELOW_EPHEMERAL = range(15_000, 32_000)  # outgoing connections take theirs from 32768 up (Linux ip_local_port_range)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now, and that no outgoing connection will take while a server restarts."""
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
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
