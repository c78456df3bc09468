"""How the library and its connections are set up."""

import ssl

import pytest
import stripe
import urllib3

from service.gateway import client
from service.gateway.client import POOL_SIZE, stripe_client
from service.gateway.http import PooledHttpClient, connection_pool
from tests.unit.gateway.fake_stripe import FakeStripe, settings

BASE = "https://api.stripe.com"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_connections_are_kept_checked_and_never_waited_for_without_end() -> None:
    kept = connection_pool(BASE, seconds=20, size=POOL_SIZE).connection_pool_kw
    assert kept["maxsize"] == POOL_SIZE >= 64
    assert kept["retries"].total is False
    assert (kept["timeout"].connect_timeout, kept["timeout"].total) == (5, 20)
    assert kept["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert kept["ssl_context"].check_hostname is True


def test_connecting_takes_no_longer_than_the_call_may() -> None:
    assert connection_pool(BASE, seconds=2, size=1).connection_pool_kw["timeout"].connect_timeout == 2


def test_the_operators_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:word@proxy.example:3128")
    pool = connection_pool(BASE, seconds=1, size=1)
    assert isinstance(pool, urllib3.ProxyManager)
    assert pool.proxy is not None
    assert (pool.proxy.host, pool.proxy.port) == ("proxy.example", 3128)
    assert "proxy-authorization" in pool.proxy_headers
    monkeypatch.setenv("no_proxy", "stripe.com")
    assert not isinstance(connection_pool(BASE, seconds=1, size=1), urllib3.ProxyManager)


def test_the_base_address_is_stripes_unless_another_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    bases = []

    def remember(base: str, **_: object) -> urllib3.PoolManager:
        bases.append(base)
        return urllib3.PoolManager()

    monkeypatch.setattr(client, "connection_pool", remember)
    stripe_client(settings(), seconds=1)
    stripe_client(settings(stripe_api_base="http://127.0.0.1:12111"), seconds=1)
    assert bases == [BASE, "http://127.0.0.1:12111"]


def test_the_library_itself_repeats_nothing() -> None:
    side = FakeStripe(stripe.APIConnectionError("lost", should_retry=True))  # type: ignore[no-untyped-call]
    with pytest.raises(stripe.APIConnectionError):
        stripe_client(settings(), seconds=1, http_client=side).raw_request("get", "/v1/balance")
    assert len(side.asked) == 1


def test_a_fault_of_the_transport_names_neither_address_nor_path() -> None:
    unreachable = PooledHttpClient(connection_pool("http://localhost:1", seconds=1, size=1))
    with pytest.raises(stripe.APIConnectionError) as caught:
        unreachable.request("get", "http://[::1/v1/payment_intents/pi_1", {})
    assert str(caught.value) == "no answer from Stripe: LocationParse"
