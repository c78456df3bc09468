"""The connections of one worker that wait for their clients. Only the worker's loop reads, writes and closes them."""

import logging
import selectors
import time
from collections.abc import Callable, Mapping
from functools import partial
from uuid import uuid4

from service.serving.connection import Connection
from service.serving.refusals import REFUSED, TOO_SLOW, Refusal, RequestRefusedError
from service.serving.waiting import Phase, Waiting

MAX_HELD_BYTES = 64 * 1024 * 1024
"""A worker's memory for unfinished requests. Above it, the largest one is closed."""

SMALL_BYTES = 64 * 1024
_WARN_AGAIN_SECONDS = 10.0


class Clients:
    """The connections of one worker. ``give`` gets each connection with a whole request; ``closed`` is called for each
    connection that ends."""

    def __init__(
        self,
        poller: selectors.BaseSelector,
        log: logging.Logger,
        seconds: Mapping[Phase, float],
        *,
        give: Callable[[Connection], None],
        closed: Callable[[], None],
    ) -> None:
        self._poller = poller
        self._log = log
        self._waiting: Waiting[Connection] = Waiting(seconds)
        self._give = give
        self._closed = closed
        self._held_bytes = 0
        self._warned_at = -_WARN_AGAIN_SECONDS

    def admit(self, connection: Connection) -> None:
        """Begin to read the request of a new connection."""
        self._wait(connection, Phase.HEAD)

    def make_room(self) -> None:
        """Close the connection whose request has been unfinished longest."""
        if time.monotonic() - self._warned_at >= _WARN_AGAIN_SECONDS:
            self._warned_at = time.monotonic()
            self._log.warning("too many connections: those that have been unfinished longest are closed")
        victim = self._waiting.first_to_go()
        if victim is not None:
            self.drop(victim, "crowded_out")

    def send(self, connection: Connection) -> None:
        """Send the rest of the answer; then read the next request, or close."""
        try:
            if not connection.flush():
                self._wait(connection, Phase.ANSWER)
            elif connection.stays:
                self._begin_again(connection)
            else:
                connection.leave()
                self._wait(connection, Phase.LEAVING)
        except OSError:
            self.drop(connection)

    def drop(self, connection: Connection, reason: str | None = None) -> None:
        """Close at once. With a ``reason``, count the connection as refused."""
        if reason is not None:
            REFUSED.labels(reason).inc()
        self._stop_waiting(connection)
        self._held_bytes -= connection.held_bytes
        connection.socket.close()
        self._closed()

    def next_due(self) -> float | None:
        """The first deadline, in monotonic seconds; None without one."""
        return self._waiting.next_due()

    def hurry(self, seconds: Mapping[Phase, float]) -> None:
        """Limit all waits to these seconds, from now on."""
        self._waiting.hurry(seconds, time.monotonic())

    def end_waits(self, *, every: bool) -> None:
        """Refuse or close the connections whose deadline is over; with ``every``, close all of them."""
        for connection in self._waiting if every else self._waiting.expired(time.monotonic()):
            phase = self._waiting.phase(connection)
            if phase in {Phase.HEAD, Phase.BODY} and connection.held_bytes and not every:
                self._refuse(connection, TOO_SLOW)
            else:
                self.drop(connection, None if every or phase in {Phase.IDLE, Phase.LEAVING} else "too_slow")

    def _wait(self, connection: Connection, phase: Phase) -> None:
        before = self._waiting.phase(connection)
        self._waiting.put(connection, phase, time.monotonic())
        writes = phase is Phase.ANSWER
        data = partial(self._on_writable if writes else self._on_readable, connection)
        event = selectors.EVENT_WRITE if writes else selectors.EVENT_READ
        if before is None:
            self._poller.register(connection.socket, event, data)
        elif writes or before is Phase.ANSWER:
            self._poller.modify(connection.socket, event, data)

    def _stop_waiting(self, connection: Connection) -> None:
        if self._waiting.take(connection) is not None:
            self._poller.unregister(connection.socket)

    def _on_writable(self, connection: Connection, _socket: object) -> None:
        if self._waiting.phase(connection) is not None:
            self.send(connection)

    def _on_readable(self, connection: Connection, _socket: object) -> None:
        phase = self._waiting.phase(connection)
        if phase is None:
            return  # it was closed to make room, after the poller had reported it
        if phase is Phase.LEAVING:
            if not connection.discard():
                self.drop(connection)
            return
        before = connection.held_bytes
        try:
            here = connection.receive()
        except RequestRefusedError as refused:
            self._refuse(connection, refused.refusal)
            return
        except OSError:
            here = False
        finally:
            self._held_bytes += connection.held_bytes - before
        if not here:
            self.drop(connection)
            return
        self._go_on(connection)
        self._shed()

    def _go_on(self, connection: Connection) -> None:
        if connection.is_whole:
            self._stop_waiting(connection)
            self._give(connection)
        elif connection.head_is_whole:
            self._wait(connection, Phase.BODY)
        elif connection.held_bytes:
            self._wait(connection, Phase.HEAD)
        elif self._waiting.phase(connection) is None:
            self._wait(connection, Phase.IDLE)

    def _begin_again(self, connection: Connection) -> None:
        self._stop_waiting(connection)
        before = connection.held_bytes
        try:
            connection.next_request()
        except RequestRefusedError as refused:
            self._refuse(connection, refused.refusal)
        else:
            self._go_on(connection)
        finally:
            self._held_bytes += connection.held_bytes - before

    def _refuse(self, connection: Connection, refusal: Refusal) -> None:
        request_id = uuid4().hex
        self._log.info("request %s is refused: %s", request_id, refusal.code)
        REFUSED.labels(refusal.label).inc()
        connection.unsent, connection.stays = refusal.answer(request_id), False
        self.send(connection)

    def _shed(self) -> None:
        while self._held_bytes > MAX_HELD_BYTES:
            largest = max(self._waiting, key=lambda each: each.held_bytes, default=None)
            if largest is None or largest.held_bytes <= SMALL_BYTES:
                return
            self.drop(largest, "memory")
