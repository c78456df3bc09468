"""The Stripe library, set up once."""

import logging

import stripe

from service.gateway.direct import DirectHttpClient
from service.gateway.proxied import ProxiedHttpClient, proxy_for
from service.settings import StripeSettings

API_VERSION = "2026-10-28.endive"
"""The version whose types stripe-python 16.1 carries: an upgrade of the library alone changes no answer."""

POOL_SIZE = 128
"""Idle connections kept: more than a consumer's threads, so that none is opened for one request and closed."""


def stripe_client(
    settings: StripeSettings, *, seconds: float, http_client: stripe.HTTPClient | None = None
) -> stripe.StripeClient:
    """A client for all threads that waits at most ``seconds`` for an answer and never repeats a request itself.

    Repeating is ours: every attempt is recorded before it is made. ``http_client`` replaces the transport.
    """
    stripe.enable_telemetry = False
    # at DEBUG the library logs whole bodies, client secrets among them
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
    """How requests travel to ``base``: through the operator's proxy where there is one."""
    proxy = proxy_for(base)
    if proxy is not None:
        return ProxiedHttpClient(proxy, seconds=seconds, size=POOL_SIZE)
    return DirectHttpClient(base, seconds=seconds, size=POOL_SIZE)
