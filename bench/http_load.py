"""Requests over kept-alive connections, as fast as possible or at a steady pace."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

_CONNECTIONS = 8
_LENGTH = b"content-length:"


@dataclass(frozen=True)
class Answered:
    """The result of a load."""

    rate: float
    """Requests a second."""
    seconds: list[float]
    """Of each request."""


def send(port: int, requests: Sequence[bytes], pace: float = math.inf) -> Answered:
    """Send each request once, at most `pace` a second. Raises RuntimeError for an answer other than 200."""
    return asyncio.run(_send(port, requests, _CONNECTIONS / pace))


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """An HTTP/1.1 request on the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode() + body


async def _send(port: int, requests: Sequence[bytes], interval: float) -> Answered:
    seconds: list[float] = []
    began = time.perf_counter()
    shares = [requests[n::_CONNECTIONS] for n in range(_CONNECTIONS)]
    await asyncio.gather(
        *(
            _one_connection(port, share, seconds, interval, number * interval / _CONNECTIONS)
            for number, share in enumerate(shares)
        )
    )
    return Answered(len(requests) / (time.perf_counter() - began), seconds)


async def _one_connection(
    port: int, requests: Sequence[bytes], seconds: list[float], interval: float, after: float
) -> None:
    """The connections alternate, so that at a steady pace no two requests are due at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    first = time.perf_counter() + after
    try:
        for number, wanted in enumerate(requests):
            await asyncio.sleep(max(0.0, first + number * interval - time.perf_counter()))
            began = time.perf_counter()
            writer.write(wanted)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            _, _, length = head.partition(_LENGTH)
            await reader.readexactly(int(length.partition(b"\r\n")[0]))
            seconds.append(time.perf_counter() - began)
            if b" 200 " not in head[:16]:
                raise RuntimeError(f"not answered with 200: {head[:80]!r}")
    finally:
        writer.close()
        await writer.wait_closed()
