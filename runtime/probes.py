"""/health, /ready and /metrics of a process without an HTTP API (relay, consumer).

The server has three routes, reads no bodies, and gives one answer per connection. It bounds a client's bytes, time and
connections.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from runtime import health_check
from runtime.log_stream import LOST_LINES
from runtime.logs import get_logger
from runtime.settings_source import SettingError

Readiness = Callable[[], str | None]
"""Returns None when ready, else the name of the failing part and the reason."""

Stage = Callable[[], str]
"""Returns the stage of the process's work, in words."""

MAX_CONNECTIONS = 64
"""Probes and scrapers need only a few. One connection more closes the oldest."""

MAX_HEAD_BYTES = 16 * 1024
HEAD_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""For making an answer, and again for sending it."""

_THREADS = 2
_JSON = "application/json"
_log = get_logger(__name__)

Answer = tuple[HTTPStatus, str, bytes]


def start(
    port: int,
    readiness: Readiness,
    host: str = "127.0.0.1",
    stage: Stage | None = None,
    *,
    health_note: str | None = None,
) -> None:
    """Serve the three routes from a daemon thread. /ready also has the ``stage`` of the work, in words.

    ``health_note``: the file for the address. Raises OSError when the port is taken or not allowed, SettingError when
    ``host`` is no host's address or the file can't be written.
    """
    LOST_LINES.show()
    listener = _listen(host, port)
    health_check.note(health_note, listener)
    probes = _Probes(readiness, stage)
    threading.Thread(target=lambda: asyncio.run(probes.serve(listener)), name="ops", daemon=True).start()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise SettingError(f"OPS_HOST: {host} is no address of a host") from error
    return socket.create_server(address[:2], family=family)


class _Probes:
    def __init__(self, readiness: Readiness, stage: Stage | None) -> None:
        self._readiness = readiness
        self._stage = stage
        self._free = asyncio.Semaphore(_THREADS)
        self._open: dict[asyncio.Task[None], None] = {}

    async def serve(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._take, sock=listener, limit=MAX_HEAD_BYTES)
        await server.serve_forever()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("not in a task")
        if len(self._open) >= MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.cancel()
        self._open[task] = None
        try:
            await self._exchange(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # The client left, was too slow, sent too much, or had the oldest connection: there is none to answer.
            writer.transport.abort()
        finally:
            self._open.pop(task, None)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        status, kind, body = await self._answer(head)
        begin = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{begin}Connection: close\r\n\r\n".encode("ascii"))
        writer.write(b"" if head.startswith(b"HEAD ") else body)
        async with asyncio.timeout(ANSWER_SECONDS):
            await writer.drain()
            writer.write_eof()
            await reader.read(1)

    async def _answer(self, head: bytes) -> Answer:
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _said(HTTPStatus.BAD_REQUEST, "no HTTP")
        if words[0] not in {b"GET", b"HEAD"}:
            return _said(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD")
        match words[1].partition(b"?")[0]:
            case b"/health":
                return _said(HTTPStatus.OK, "healthy")
            case b"/ready":
                return await self._within_time(self._ready)
            case b"/metrics":
                return await self._within_time(_metrics)
            case _:
                return _said(HTTPStatus.NOT_FOUND, "unknown route")

    async def _within_time(self, make: Callable[[], Answer]) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._free.acquire()
                return await self._on_a_thread(make)
        except TimeoutError:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, f"no answer within {ANSWER_SECONDS:.0f} s")

    def _on_a_thread(self, make: Callable[[], Answer]) -> "asyncio.Future[Answer]":
        """Make the answer in a daemon thread. The process would wait for the threads of a pool at its end."""
        loop = asyncio.get_running_loop()
        made: asyncio.Future[Answer] = loop.create_future()

        def done(answer: Answer) -> None:
            self._free.release()
            if not made.done():
                made.set_result(answer)

        try:
            threading.Thread(target=lambda: loop.call_soon_threadsafe(done, _safely(make)), daemon=True).start()
        except RuntimeError:
            done(_said(HTTPStatus.SERVICE_UNAVAILABLE, "no thread can be started"))
        return made

    def _ready(self) -> Answer:
        fault = self._readiness()
        more = {} if self._stage is None else {"stage": self._stage()}
        return _said(HTTPStatus.SERVICE_UNAVAILABLE if fault else HTTPStatus.OK, fault or "ready", **more)


def _safely(make: Callable[[], Answer]) -> Answer:
    """The answer, or an answer that says that making it failed."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - logged, and answered
        _log.exception("probe_failed")
        return _said(HTTPStatus.INTERNAL_SERVER_ERROR, f"failed: {type(error).__name__}")


def _metrics() -> Answer:
    return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()


def _said(status: HTTPStatus, words: str, **more: str) -> Answer:
    return status, _JSON, json.dumps({"status": words, **more}).encode()
