"""Checks our requests against Stripe's description of its API: stripe-mock refuses unknown parameters."""

from dataclasses import replace

import pytest
import stripe

from service.gateway.client import stripe_client
from tests.integration.gateway.conftest import MakeGateway
from tests.unit.gateway.fake_stripe import EVERY_CALL, HOLD, settings

pytestmark = pytest.mark.stripe_mock


@pytest.mark.parametrize("name", EVERY_CALL)
def test_every_request_matches_stripes_api_description(
    name: str, stripe_mock_url: str, make_gateway: MakeGateway
) -> None:
    EVERY_CALL[name](make_gateway(stripe_mock_url))


def test_hold_with_return_url_matches_stripes_api_description(stripe_mock_url: str, make_gateway: MakeGateway) -> None:
    there = replace(HOLD, return_url="https://shop.example/back", stripe_customer_id=None)
    assert make_gateway(stripe_mock_url).create_intent(there, "k").amount == HOLD.amount


def test_unknown_parameter_is_refused_by_stripe_mock(stripe_mock_url: str) -> None:
    client = stripe_client(settings(stripe_api_base=stripe_mock_url), seconds=10)
    with pytest.raises(stripe.InvalidRequestError):
        client.raw_request("post", "/v1/payment_intents", amount=2000, currency="sgd", no_such_parameter="x")
