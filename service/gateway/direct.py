"""Requests directly to Stripe, on connections that stay open and are shared by all threads."""

import http.client
import select
import ssl
import time
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import stripe

CONNECT_SECONDS = 5.0


class _InOneWrite(http.client.HTTPConnection):
    """Sends head and body together: two writes would be two packets, and wake the other end twice."""

    _written: tuple[bytes, ...] = ()

    def send(self, data: Any) -> None:
        """Keep the data until ``getresponse``."""
        self._written = (*self._written, data)

    def getresponse(self) -> http.client.HTTPResponse:
        """Send the kept data, and read the head of the answer."""
        whole, self._written = b"".join(self._written), ()
        super().send(whole)
        return super().getresponse()


class _Secured(_InOneWrite, http.client.HTTPSConnection):
    """The same over TLS."""


class DirectHttpClient(stripe.HTTPClient):
    """A transport for Stripe's library on the standard library: no retries, no redirects, a time-out for every call.

    In a measurement, urllib3 took twice and requests four times the processor time.
    """

    name = "http.client"

    def __init__(self, base: str, *, seconds: float, size: int) -> None:
        """``seconds``: for connecting and waiting together. ``size``: the most idle connections to keep."""
        super().__init__()
        target = urlsplit(base)
        self._origin = f"{target.scheme}://{target.netloc}"
        self._address = (target.hostname or "", target.port)
        self._seconds = seconds
        self._size = size
        self._tls = tls_context() if target.scheme == "https" else None
        self._idle: deque[http.client.HTTPConnection] = deque()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Make one request. Raises stripe.APIConnectionError when no complete answer arrives."""
        deadline = time.monotonic() + self._seconds
        try:
            connection = self._kept() or self._opened()
        except OSError as exc:
            raise unanswered(exc) from exc
        try:
            connection.sock.settimeout(max(deadline - time.monotonic(), 0.001))
            connection.request(method.upper(), url.removeprefix(self._origin), post_data, dict(headers or {}))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as exc:
            connection.close()
            raise unanswered(exc) from exc
        self._keep(connection)
        return content, answer.status, answer.headers  # type: ignore[return-value]

    def _kept(self) -> http.client.HTTPConnection | None:
        """The connection used last, which is the likeliest to be still open."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not _has_something_to_read(connection):
                return connection
            connection.close()

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        if connection.sock is not None and len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.close()

    def _opened(self) -> http.client.HTTPConnection:
        host, port = self._address
        seconds = min(CONNECT_SECONDS, self._seconds)
        connection: http.client.HTTPConnection
        if self._tls is None:
            connection = _InOneWrite(host, port, timeout=seconds)
        else:
            connection = _Secured(host, port, timeout=seconds, context=self._tls)
        connection.connect()
        return connection


def _has_something_to_read(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has closed an idle connection, or sent something without a request."""
    watch = select.poll()
    watch.register(connection.sock, select.POLLIN)
    return bool(watch.poll(0))


def tls_context() -> ssl.SSLContext:
    """A context that trusts the certificates of Stripe's library. Reading them takes longer than a handshake."""
    return ssl.create_default_context(cafile=stripe.ca_bundle_path)


def unanswered(cause: Exception) -> stripe.APIConnectionError:
    """The error that the library expects from a transport, without the cause's text: it names addresses and paths."""
    kind = type(cause).__name__.removesuffix("Error")
    return stripe.APIConnectionError(f"no answer from Stripe: {kind}")  # type: ignore[no-untyped-call]
