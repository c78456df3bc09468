"""Requests to Stripe through the operator's proxy."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import stripe
import urllib3

from service.gateway.direct import CONNECT_SECONDS, tls_context, unanswered


class ProxiedHttpClient(stripe.HTTPClient):
    """A transport for Stripe's library on urllib3: no retries, no redirects, a time-out for every call."""

    name = "urllib3"

    def __init__(self, proxy: str, *, seconds: float, size: int) -> None:
        """``seconds``: for connecting and waiting together. ``size``: the most idle connections to keep."""
        super().__init__()
        auth = urllib3.util.parse_url(proxy).auth
        options: dict[str, Any] = {
            "maxsize": size,
            "retries": False,  # follows no redirects either
            "timeout": urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds),
            "ssl_context": tls_context(),
        }
        headers = urllib3.make_headers(proxy_basic_auth=auth) if auth else None
        self.pool = urllib3.ProxyManager(proxy, proxy_headers=headers, **options)

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
        try:
            answer = self.pool.urlopen(method.upper(), url, body=post_data, headers=headers)
        except urllib3.exceptions.HTTPError as exc:
            raise unanswered(exc) from exc
        return answer.data, answer.status, answer.headers


def proxy_for(base: str) -> str | None:
    """The proxy from HTTPS_PROXY (HTTP_PROXY for http); None without one, or if NO_PROXY excludes this address."""
    target = urlsplit(base)
    proxy = getproxies().get(target.scheme)
    return None if proxy is None or proxy_bypass(target.netloc) else proxy
