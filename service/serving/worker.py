"""gunicorn's threaded worker, with a loop of its own: a thread is for a whole request, never for a client."""

import errno
import io
import os
import select
import selectors
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

from gunicorn import http
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from service.serving.connection import Connection
from service.serving.refusals import INTERNAL, REFUSED, TOO_SLOW, UNREADABLE, Refusal, RefusedError, refusal_of
from service.serving.waiting import Phase, Waiting

KEEPALIVE_SECONDS = 75
"""Longer than the 60 s that load balancers keep an idle connection: the one who closes first must be they."""

ANSWER_SECONDS = 30
LEAVING_SECONDS = 5
"""Closing while a client still sends would take the answer from it (RFC 9112, section 9.6)."""

STOPPING = {Phase.IDLE: 2.0, Phase.HEAD: 5.0, Phase.BODY: 5.0, Phase.ANSWER: 5.0, Phase.LEAVING: 1.0}

MAX_HELD_BYTES = 64 * 1024 * 1024
"""Memory of a worker for unfinished requests; beyond, the largest of them goes."""

SMALL_BYTES = 64 * 1024
PROBES = frozenset({b"/health", b"/ready", b"/metrics"})
PROBE_THREADS = 2
"""Probes are answered while every other thread waits for the database."""

_TELL_AGAIN_SECONDS = 10.0


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The loop owns every connection until its request is whole, and again once the answer is made."""

    def init_process(self) -> None:
        """Also makes what the loop keeps."""
        settings = self.app.settings
        self._most = settings.http_connections
        self._waiting: Waiting[Connection] = Waiting(
            {
                Phase.IDLE: KEEPALIVE_SECONDS,
                Phase.HEAD: settings.http_head_timeout.total_seconds(),
                Phase.BODY: settings.http_body_timeout.total_seconds(),
                Phase.ANSWER: ANSWER_SECONDS,
                Phase.LEAVING: LEAVING_SECONDS,
            }
        )
        self._probes = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self._held_bytes = 0
        self._told = 0.0
        super().init_process()

    def init_signals(self) -> None:
        """Also takes a SIGTERM that came since the fork: see ``hold_sigterm_across_forks``."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def set_accept_enabled(self, enabled: bool) -> None:
        """Also closes the listeners of a stopping worker: who comes later is refused, not left to wait and dropped."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                while select.select([listener], [], [], 0)[0]:
                    self.accept(listener)
                listener.close()

    def accept(self, listener: Any) -> None:
        """Take a client in; in a crowd, the one that has been unfinished longest makes room."""
        try:
            taken, address = listener.accept()
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                self._make_room()
            elif error.errno not in {errno.EAGAIN, errno.ECONNABORTED}:
                raise
            return
        if self.nr_conns >= self._most:
            self._make_room()
        self.nr_conns += 1
        self._wait(Connection(self.cfg, taken, address, listener.getsockname()), Phase.HEAD)

    def _make_room(self) -> None:
        victim = self._waiting.first_to_go()
        if time.monotonic() - self._told > _TELL_AGAIN_SECONDS:
            self._told = time.monotonic()
            self.log.warning("too many connections: those that have been unfinished longest are closed")
        if victim is not None:
            self._drop(victim, "crowded_out")

    def _wait(self, connection: Connection, phase: Phase) -> None:
        before = self._waiting.phase(connection)
        self._waiting.put(connection, phase, time.monotonic())
        writes = phase is Phase.ANSWER
        data = partial(self._on_writable if writes else self._on_readable, connection)
        event = selectors.EVENT_WRITE if writes else selectors.EVENT_READ
        if before is None:
            self.poller.register(connection.socket, event, data)
        elif writes or before is Phase.ANSWER:
            self.poller.modify(connection.socket, event, data)

    def _stop_waiting(self, connection: Connection) -> None:
        if self._waiting.take(connection) is not None:
            self.poller.unregister(connection.socket)

    def _on_readable(self, connection: Connection, _socket: object) -> None:
        before = connection.held_bytes
        try:
            here = connection.discard() if self._is_leaving(connection) else connection.receive()
        except RefusedError as refused:
            self._refuse(connection, refused.refusal)
            return
        finally:
            self._held_bytes += connection.held_bytes - before
        if not here:
            self._drop(connection)
        elif not self._is_leaving(connection):
            self._go_on(connection)
            self._shed()

    def _is_leaving(self, connection: Connection) -> bool:
        return self._waiting.phase(connection) is Phase.LEAVING

    def _go_on(self, connection: Connection) -> None:
        if connection.is_whole:
            self._stop_waiting(connection)
            self.enqueue_req(connection)
        elif connection.head_is_whole:
            self._wait(connection, Phase.BODY)
        elif connection.held_bytes:
            self._wait(connection, Phase.HEAD)
        elif self._waiting.phase(connection) is None:
            self._wait(connection, Phase.IDLE)

    def _shed(self) -> None:
        while self._held_bytes > MAX_HELD_BYTES:
            largest = max(self._waiting, key=lambda each: each.held_bytes, default=None)
            if largest is None or largest.held_bytes <= SMALL_BYTES:
                return
            self._drop(largest, "memory")

    def enqueue_req(self, conn: Connection) -> None:
        """Give a whole request to a thread."""
        conn.begin_exchange()
        pool = self._probes if conn.path in PROBES else self.tpool
        pool.submit(self.handle, conn).add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def handle(self, conn: Connection) -> bool:
        """Answer a request, on a thread; whether the connection may be used again."""
        stays = False
        try:
            parser = http.get_parser(self.cfg, conn.sock, conn.client)
            request = next(parser)
            # Read before the application sees it: what is wrong with its chunks is not the application's fault.
            request.body = io.BytesIO(request.body.read())
            stays = self.handle_request(request, conn)
            stays = stays and conn.sock.used_up and not parser.unreader.take_buffered()
        except Exception as error:  # noqa: BLE001 - told, and answered
            self.handle_error(None, conn, conn.client, error)
        conn.unsent = bytes(conn.sock.answer)
        conn.flush()
        return stays

    def handle_error(self, req: Any, client: Connection, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reached the application, or whose answer could not be made."""
        request_id = uuid4().hex
        ours = isinstance(exc, errors.InvalidResponseHeader | errors.InvalidResponseHeaderName)
        if isinstance(exc, errors.ParseException | errors.NoMoreData) and not ours:
            refusal = UNREADABLE if isinstance(exc, errors.NoMoreData) else refusal_of(exc)
            self.log.info("request %s is unreadable: %s", request_id, type(exc).__name__)
        else:
            refusal = INTERNAL
            self.log.exception("request %s failed outside the application", request_id)
        REFUSED.labels(refusal.label).inc()
        client.sock.answer[:] = refusal.answer(request_id)

    def finish_request(self, conn: Connection, fs: "Future[bool]") -> None:
        """Take a connection back from a thread."""
        try:
            conn.stays = fs.result()
        except OSError:  # the client went away
            self._drop(conn)
            return
        self._send(conn)

    def _on_writable(self, connection: Connection, _socket: object) -> None:
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        try:
            if not connection.flush():
                self._wait(connection, Phase.ANSWER)
            elif connection.stays:
                self._begin_again(connection)
            else:
                connection.leave()
                self._wait(connection, Phase.LEAVING)
        except OSError:
            self._drop(connection)

    def _begin_again(self, connection: Connection) -> None:
        self._stop_waiting(connection)
        before = connection.held_bytes
        try:
            connection.next_request()
        except RefusedError as refused:
            self._refuse(connection, refused.refusal)
        else:
            self._go_on(connection)
        finally:
            self._held_bytes += connection.held_bytes - before

    def _refuse(self, connection: Connection, refusal: Refusal) -> None:
        request_id = uuid4().hex
        self.log.info("request %s is refused: %s", request_id, refusal.code)
        REFUSED.labels(refusal.label).inc()
        connection.unsent, connection.stays = refusal.answer(request_id), False
        self._send(connection)

    def _drop(self, connection: Connection, reason: str | None = None) -> None:
        if reason is not None:
            REFUSED.labels(reason).inc()
        self._stop_waiting(connection)
        self._held_bytes -= connection.held_bytes
        self.nr_conns -= 1
        connection.socket.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wake for the first deadline, too."""
        due = self._waiting.next_due()
        super().wait_for_and_dispatch_events(timeout if due is None else max(0.0, min(timeout, due - time.monotonic())))

    def murder_keepalived(self, force: bool = False) -> None:
        """End the waits whose time is over; all of them when the worker ends."""
        for connection in self._waiting if force else self._waiting.expired(time.monotonic()):
            phase = self._waiting.phase(connection)
            if phase in {Phase.HEAD, Phase.BODY} and connection.held_bytes and not force:
                self._refuse(connection, TOO_SLOW)
            else:
                self._drop(connection, None if phase in {Phase.IDLE, Phase.LEAVING} else "too_slow")

    def _cap_keepalive(self, deadline: float) -> None:
        self._waiting.hurry(STOPPING, time.monotonic())


def hold_sigterm_across_forks() -> None:
    """Keep a SIGTERM for a worker that has no handler of its own yet; for good, in this process.

    gunicorn sends it once. A worker that has only just been forked would take it with its master's handler, go on, and
    hold the master up for the whole grace period.
    """
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM}),
    )
