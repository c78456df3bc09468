"""The client of Stripe's library, with the settings that every request shares."""

import logging

import stripe

from service.gateway.direct import DirectHttpClient
from service.gateway.proxied import ProxiedHttpClient, proxy_for
from service.settings import StripeSettings

API_VERSION = "2026-10-28.endive"
"""The API version of stripe-python 16.1's types. It is pinned, so an upgrade of the library changes no answer."""

POOL_SIZE = 128
"""Idle connections kept open: more than a consumer has threads, so that no connection serves only one request."""


def stripe_client(
    settings: StripeSettings, *, seconds: float, http_client: stripe.HTTPClient | None = None
) -> stripe.StripeClient:
    """A client for all threads. It waits at most ``seconds`` for an answer and never repeats a request by itself.

    The service repeats requests, because it commits every attempt before it makes it. ``http_client`` replaces the
    transport.
    """
    stripe.enable_telemetry = False
    # at DEBUG the library logs whole bodies, including client secrets
    logging.getLogger("stripe").setLevel(logging.WARNING)
    base = settings.stripe_api_base or stripe.DEFAULT_API_BASE
    return stripe.StripeClient(
        settings.stripe_secret_key.get_secret_value(),
        stripe_version=API_VERSION,
        base_addresses={"api": base},
        max_network_retries=0,
        http_client=http_client or transport(base, seconds=seconds),
    )


def transport(base: str, *, seconds: float) -> stripe.HTTPClient:
    """The transport to ``base``: through the operator's proxy if there is one, else directly."""
    proxy = proxy_for(base)
    if proxy is not None:
        return ProxiedHttpClient(proxy, seconds=seconds, size=POOL_SIZE)
    return DirectHttpClient(base, seconds=seconds, size=POOL_SIZE)
