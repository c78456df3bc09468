"""Webhook endpoints, reviews and uncaptured amounts of the account, read with the real library."""

import pytest
import stripe

from devstack.stripe_simulator.client import ControlError, SimulatorControl
from tests.integration.stripe_simulator.buyer import authorize


def test_the_rest_of_a_partial_capture_is_listed_with_its_transaction(
    client: stripe.StripeClient, control: SimulatorControl
) -> None:
    intent = client.v1.payment_intents.capture(authorize(client).id, {"amount_to_capture": 400})
    listed = client.v1.refunds.list({"payment_intent": intent.id, "expand": ["data.balance_transaction"]})
    [rest] = listed.data
    assert isinstance(rest.balance_transaction, stripe.BalanceTransaction)
    assert (rest.amount, rest.balance_transaction.reporting_category) == (1600, "partial_capture_reversal")
    assert control.ledger(effect="refund") == []


def test_review_of_a_charge_can_be_opened_and_closed(client: stripe.StripeClient, control: SimulatorControl) -> None:
    charge = str(authorize(client).latest_charge)
    opened = control.open_review(charge, reason="manual")
    assert client.v1.charges.retrieve(charge).review == opened["id"]
    control.close_review(opened["id"], reason="approved")
    assert client.v1.reviews.retrieve(opened["id"]).closed_reason == "approved"
    with pytest.raises(ControlError, match="already closed"):
        control.close_review(opened["id"])


def test_webhook_endpoints_are_listed_and_replaced(client: stripe.StripeClient, control: SimulatorControl) -> None:
    control.set_endpoint("https://pay.example/stripe-webhook", "whsec_1", ("refund.created",))
    [listed] = client.v1.webhook_endpoints.list().data
    assert (listed.url, listed.enabled_events) == ("https://pay.example/stripe-webhook", ["refund.created"])
    control.webhook_endpoints([{"url": "https://other.example/", "api_version": "2020-08-27"}])
    assert [each.api_version for each in client.v1.webhook_endpoints.list().data] == ["2020-08-27"]
    control.reset()
    assert [each.url for each in client.v1.webhook_endpoints.list().data] == ["https://pay.example/stripe-webhook"]


def test_key_can_be_denied_an_operation(client: stripe.StripeClient, control: SimulatorControl) -> None:
    message = "The provided key does not have the required permissions for this endpoint."
    control.fault("refuse", "webhook_endpoints.list", status=403, times=None, message=message)
    with pytest.raises(stripe.PermissionError, match="required permissions"):
        client.v1.webhook_endpoints.list()
    assert client.v1.balance.retrieve().object == "balance"
