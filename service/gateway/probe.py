"""One read of Stripe's API as it is, for a check of the connection."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import stripe

from service.domain.errors import StripeUnknownError
from service.gateway.client import transport
from service.gateway.proxied import proxy_for
from service.settings import StripeSettings


class Reply(NamedTuple):
    """An answer, whatever its status is."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def read(settings: StripeSettings, path: str, *, seconds: float) -> Reply:
    """GET a path below ``/v1/``, on the way that the service takes. Raises StripeUnknownError when no answer comes."""
    base = api_base(settings)
    key = settings.stripe_secret_key.get_secret_value()
    try:
        answer: tuple[Any, int, Mapping[str, str]] = transport(base, seconds=seconds).request(
            "GET", f"{base}/v1/{path}", {"Authorization": f"Bearer {key}"}, None
        )
    except stripe.APIConnectionError as error:
        raise StripeUnknownError(str(error)) from error
    body, status, headers = answer
    return Reply(status, headers, bytes(body))


def api_base(settings: StripeSettings) -> str:
    """The base URL of Stripe's API."""
    return settings.stripe_api_base or stripe.DEFAULT_API_BASE


def way(settings: StripeSettings) -> str:
    """The proxy between here and Stripe, in words and without its password; empty when there is none."""
    proxy = proxy_for(api_base(settings))
    return "" if proxy is None else f" through the proxy {proxy.rpartition('@')[2].rpartition('/')[2]}"
