"""gunicorn's threaded worker, with a loop of its own: a thread is for a whole request, never for a client."""

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
"""Longer than the 60 s that load balancers keep an idle connection: the one who closes first must be they."""

ANSWER_SECONDS = 30
LEAVING_SECONDS = 5
"""Closing while a client still sends would take the answer from it (RFC 9112, section 9.6)."""

STOPPING = {Phase.IDLE: 2.0, Phase.HEAD: 5.0, Phase.BODY: 5.0, Phase.ANSWER: 5.0, Phase.LEAVING: 1.0}

PROBES = frozenset({b"/health", b"/ready", b"/metrics"})
PROBE_THREADS = 2
"""Probes are answered while every other thread waits for the database."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The loop owns every connection until its request is whole, and again once the answer is made."""

    def init_process(self) -> None:
        """Also makes the pool of the probes."""
        self._probes = ThreadPoolExecutor(PROBE_THREADS, "probe")
        super().init_process()

    def run(self) -> None:
        """Also makes what the loop keeps; the poller is there by now."""
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
        """Also takes a SIGTERM that came since the fork: see ``hold_sigterm_across_forks``."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def set_accept_enabled(self, enabled: bool) -> None:
        """Also closes the listeners of a stopping worker: who comes later is refused, not left to wait and dropped."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                before = None
                while select.select([listener], [], [], 0)[0] and self.nr_conns != before:
                    before = self.nr_conns
                    self.accept(listener)
                listener.close()

    def accept(self, listener: Any) -> None:
        """Take a client in; in a crowd, the one that has been unfinished longest makes room."""
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
            self._clients.drop(conn)
            return
        self._clients.send(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wake for the first deadline, too."""
        due = self._clients.next_due()
        super().wait_for_and_dispatch_events(timeout if due is None else max(0.0, min(timeout, due - time.monotonic())))

    def murder_keepalived(self, force: bool = False) -> None:
        """End the waits whose time is over; all of them when the worker ends."""
        self._clients.end_waits(every=force)

    def _cap_keepalive(self, deadline: float) -> None:
        self._clients.hurry(STOPPING)


def hold_sigterm_across_forks() -> None:
    """Keep a SIGTERM for a worker that has no handler of its own yet; for good, in this process.

    gunicorn sends it once. A worker that has only just been forked would take it with its master's handler, go on, and
    hold the master up for the whole grace period.
    """
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM}),
    )
