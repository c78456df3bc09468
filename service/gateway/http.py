"""How requests to Stripe travel: one pool of connections, kept open and shared by all threads."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import stripe
import urllib3

CONNECT_SECONDS = 5.0


class PooledHttpClient(stripe.HTTPClient):
    """The Stripe library's transport on urllib3: no retries, no redirects, a time-out for every call.

    The library's own transport goes through requests, which costs more than the rest of the call together.
    """

    name = "urllib3"

    def __init__(self, pool: urllib3.PoolManager) -> None:
        super().__init__()
        self._pool = pool

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        """One request. Raises stripe.APIConnectionError when no whole answer came."""
        try:
            answer = self._pool.urlopen(method.upper(), url, body=post_data, headers=headers)
        except urllib3.exceptions.HTTPError as exc:
            message = f"no answer from Stripe: {_cause(exc)}"
            raise stripe.APIConnectionError(message) from exc  # type: ignore[no-untyped-call]
        return answer.data, answer.status, answer.headers


def connection_pool(base: str, *, seconds: float, size: int) -> urllib3.PoolManager:
    """Up to ``size`` idle connections to ``base``; ``seconds`` for connecting and for waiting, together.

    HTTPS_PROXY and NO_PROXY are honoured. The certificates are those that come with the Stripe library.
    """
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)
    # one context for all connections: reading the certificates takes longer than a handshake
    context = ssl.create_default_context(cafile=stripe.ca_bundle_path)
    # retries=False follows no redirects either
    options: dict[str, Any] = {"maxsize": size, "retries": False, "timeout": timeout, "ssl_context": context}
    proxy = _proxy_for(base)
    if proxy is None:
        return urllib3.PoolManager(**options)
    auth = urllib3.util.parse_url(proxy).auth
    return urllib3.ProxyManager(
        proxy, proxy_headers=urllib3.make_headers(proxy_basic_auth=auth) if auth else None, **options
    )


def _proxy_for(base: str) -> str | None:
    target = urlsplit(base)
    proxy = getproxies().get(target.scheme)
    return None if proxy is None or proxy_bypass(target.netloc) else proxy


def _cause(exc: Exception) -> str:
    # the message would name addresses and paths; the kind says what happened
    return type(exc).__name__.removesuffix("Error")
