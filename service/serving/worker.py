"""gunicorn's threaded worker, with a loop of its own: a thread serves a whole request and never waits for a client."""

import errno
import io
import os
import select
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from gunicorn import http
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from service.serving.clients import Clients
from service.serving.connection import Connection
from service.serving.refusals import INTERNAL, REFUSED, UNREADABLE, refusal_of
from service.serving.waiting import Phase

KEEPALIVE_SECONDS = 75
"""Longer than the 60 s for which load balancers keep an idle connection: the balancer must close it first."""

ANSWER_SECONDS = 30
LEAVING_SECONDS = 5
"""Time for the client to read the answer: a close while it still sends could destroy it (RFC 9112, section 9.6)."""

STOPPING = {Phase.IDLE: 2.0, Phase.HEAD: 5.0, Phase.BODY: 5.0, Phase.ANSWER: 5.0, Phase.LEAVING: 1.0}

PROBES = frozenset({b"/health", b"/ready", b"/metrics"})
_HELD = {signal.SIGTERM, signal.SIGHUP}

PROBE_THREADS = 2
"""Threads of their own for probes: they are answered even while every other thread waits for the database."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The worker. Its loop owns a connection until the request is whole, and again when the answer is ready."""

    def init_process(self) -> None:
        """Also create the thread pool for probes."""
        self._probes = ThreadPoolExecutor(PROBE_THREADS, "probe")
        super().init_process()

    def run(self) -> None:
        """Also create the loop's connections; the poller exists by now."""
        settings = self.app.settings
        self._most = settings.http_connections
        seconds = {
            Phase.IDLE: KEEPALIVE_SECONDS,
            Phase.HEAD: settings.http_head_timeout.total_seconds(),
            Phase.BODY: settings.http_body_timeout.total_seconds(),
            Phase.ANSWER: ANSWER_SECONDS,
            Phase.LEAVING: LEAVING_SECONDS,
        }
        self._clients = Clients(self.poller, self.log, seconds, give=self.enqueue_req, closed=self._one_less)
        super().run()

    def _one_less(self) -> None:
        self.nr_conns -= 1

    def init_signals(self) -> None:
        """Also renew secrets at SIGHUP, and deliver what arrived since the fork: see ``hold_signals_across_forks``."""
        super().init_signals()
        self.app.current.renew_on_hup()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Also close the listeners of a stopping worker, so that later clients are refused instead of left waiting."""
        # SIGTERM may come in the last round of the loop, which then calls once more when it has ended.
        super().set_accept_enabled(enabled and self.alive)
        if not self.alive:
            closing: list[Any] = self.sockets
            self.sockets: list[Any] = []
            for listener in closing:
                before = None
                while select.select([listener], [], [], 0)[0] and self.nr_conns != before:
                    before = self.nr_conns
                    self.accept(listener)
                listener.close()

    def accept(self, listener: Any) -> None:
        """Accept a client. At the limit, first close the connection whose request has been unfinished longest."""
        try:
            taken, address = listener.accept()
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                self._clients.make_room()
            elif error.errno not in {errno.EAGAIN, errno.ECONNABORTED}:
                raise
            return
        if self.nr_conns >= self._most:
            self._clients.make_room()
        self.nr_conns += 1
        self._clients.admit(Connection(self.cfg, taken, address, listener.getsockname()))

    def enqueue_req(self, conn: Connection) -> None:
        """Pass a whole request to a thread."""
        conn.begin_exchange()
        pool = self._probes if conn.path in PROBES else self.tpool
        pool.submit(self.handle, conn).add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def handle(self, conn: Connection) -> bool:
        """Answer a request, on a thread; True if the connection may be used again."""
        stays = False
        try:
            parser = http.get_parser(self.cfg, conn.sock, conn.client)
            request = next(parser)
            # Read before the application runs: a fault in the chunks is not the application's.
            request.body = io.BytesIO(request.body.read())
            stays = self.handle_request(request, conn)
            stays = stays and conn.sock.used_up and not parser.unreader.take_buffered()
        except Exception as error:  # noqa: BLE001 - logged, and answered
            self.handle_error(None, conn, conn.client, error)
        conn.unsent = bytes(conn.sock.answer)
        conn.flush()
        return stays

    def handle_error(self, req: Any, client: Connection, addr: Any, exc: BaseException) -> None:
        """Answer a request that never reached the application, or whose answer failed."""
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
            self._clients.drop(conn)
            return
        self._clients.send(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Also wake for the first deadline."""
        due = self._clients.next_due()
        super().wait_for_and_dispatch_events(timeout if due is None else max(0.0, min(timeout, due - time.monotonic())))

    def murder_keepalived(self, force: bool = False) -> None:
        """End the waits whose deadline is over; with ``force``, all of them."""
        self._clients.end_waits(every=force)

    def _cap_keepalive(self, deadline: float) -> None:
        self._clients.hurry(STOPPING)


def hold_signals_across_forks() -> None:
    """Hold SIGTERM and SIGHUP back until a new worker has its own handlers. This setting lasts as long as the process.

    gunicorn sends a signal once. A worker fresh from the fork would handle it with its master's handler, and lose it.
    The master would then wait for the whole grace period, or the worker would keep old secrets. Between two handlers a
    SIGHUP would end the worker.
    """
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _HELD),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD),
    )
