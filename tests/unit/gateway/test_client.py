"""The settings of Stripe's library and of its connections."""

import ssl

import pytest
import stripe

from service.gateway import client
from service.gateway.client import POOL_SIZE, stripe_client, transport
from service.gateway.direct import DirectHttpClient, tls_context
from service.gateway.proxied import ProxiedHttpClient
from tests.unit.gateway.fake_stripe import FakeStripe, settings

BASE = "https://api.stripe.com"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_certificates_are_checked() -> None:
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True


def test_pool_keeps_a_connection_for_each_thread_of_a_consumer() -> None:
    assert POOL_SIZE >= 64


def test_the_operators_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:word@proxy.example:3128")
    through = transport(BASE, seconds=20)
    assert isinstance(through, ProxiedHttpClient)
    assert through.pool.proxy is not None
    assert (through.pool.proxy.host, through.pool.proxy.port) == ("proxy.example", 3128)
    assert "proxy-authorization" in through.pool.proxy_headers
    monkeypatch.setenv("no_proxy", "stripe.com")
    assert isinstance(transport(BASE, seconds=20), DirectHttpClient)


def test_proxy_has_a_timeout_and_no_retries() -> None:
    kept = ProxiedHttpClient("http://proxy.example:3128", seconds=20, size=POOL_SIZE).pool.connection_pool_kw
    assert kept["maxsize"] == POOL_SIZE
    assert kept["retries"].total is False
    assert (kept["timeout"].connect_timeout, kept["timeout"].total) == (5, 20)
    assert kept["ssl_context"].verify_mode is ssl.CERT_REQUIRED


def test_base_address_is_stripes_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    bases = []

    def remember(base: str, *, seconds: float) -> stripe.HTTPClient:
        bases.append(base)
        return DirectHttpClient(base, seconds=seconds, size=1)

    monkeypatch.setattr(client, "transport", remember)
    stripe_client(settings(), seconds=1)
    stripe_client(settings(stripe_api_base="http://127.0.0.1:12111"), seconds=1)
    assert bases == [BASE, "http://127.0.0.1:12111"]


def test_library_makes_no_retries() -> None:
    side = FakeStripe(stripe.APIConnectionError("lost", should_retry=True))  # type: ignore[no-untyped-call]
    with pytest.raises(stripe.APIConnectionError):
        stripe_client(settings(), seconds=1, http_client=side).raw_request("get", "/v1/balance")
    assert len(side.asked) == 1


@pytest.mark.parametrize(
    "unreachable",
    [
        DirectHttpClient("http://localhost:1", seconds=1, size=1),
        ProxiedHttpClient("http://localhost:1", seconds=1, size=1),
    ],
    ids=["direct", "proxied"],
)
def test_transport_error_names_neither_address_nor_path(unreachable: stripe.HTTPClient) -> None:
    with pytest.raises(stripe.APIConnectionError) as caught:
        unreachable.request("get", "http://localhost:1/v1/payment_intents/pi_1", {})
    message = str(caught.value)
    assert message.startswith("no answer from Stripe: ")
    assert "localhost" not in message
    assert "pi_1" not in message
