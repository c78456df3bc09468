"""Objects have the fields that stripe-python knows, and those it relies on, in the forms of Stripe's OpenAPI."""

import json
from typing import Any

import pytest
import stripe
import urllib3

from devstack.stripe_simulator import disputes, reviews, webhook_endpoints
from tests.unit.stripe_simulator.conftest import Api

_ABSENT_THERE_TOO = {
    "payment_intent": {"payment_record"},
    "charge": {"source", "transfer"},
    "refund": {"failure_balance_transaction", "pending_reason"},
}
"""Not optional in the library's types, yet absent from Stripe's own fixtures for card payments."""


def _every_object(api: Api) -> dict[str, dict[str, object]]:
    intent = api.captured()
    source = intent["latest_charge"]
    transfer = api.post("transfers", {"currency": "sgd", "destination": "acct_x", "source_transaction": source})
    return {
        "payment_intent": intent,
        "charge": api.get(f"charges/{source}"),
        "payment_method": api.get(f"payment_methods/{intent['payment_method']}"),
        "transfer": transfer,
        "transfer_reversal": api.post(f"transfers/{transfer['id']}/reversals"),
        "refund": api.post("refunds", {"charge": source}),
        "balance_transaction": api.get("balance_transactions")["data"][0],
        "dispute": disputes.open_(api.simulator.state, api.captured()["latest_charge"]),
        "radar.early_fraud_warning": disputes.warn(api.simulator.state, source),
        "review": reviews.open_(api.simulator.state, source),
        "webhook_endpoint": webhook_endpoints.replace(api.simulator.state, [{"url": "https://a.example/"}])[0],
        "account": api.get("account"),
        "customer": api.get("customers/cus_9"),
        "balance": api.get("balance"),
        "event": api.events[0][1],
    }


_CLASSES = {
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "payment_method": stripe.PaymentMethod,
    "transfer": stripe.Transfer,
    "transfer_reversal": stripe.TransferReversal,
    "refund": stripe.Refund,
    "balance_transaction": stripe.BalanceTransaction,
    "dispute": stripe.Dispute,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
    "review": stripe.Review,
    "webhook_endpoint": stripe.WebhookEndpoint,
    "account": stripe.Account,
    "customer": stripe.Customer,
    "balance": stripe.Balance,
    "event": stripe.Event,
}


@pytest.mark.parametrize("name", _CLASSES)
def test_fields(api: Api, name: str) -> None:
    fields = {field: str(hint) for field, hint in _CLASSES[name].__annotations__.items() if "ClassVar" not in str(hint)}
    required = {field for field, hint in fields.items() if "Optional" not in hint}
    body = _every_object(api)[name]
    assert body["object"] == name
    assert set(body) <= set(fields)
    assert required - set(body) <= _ABSENT_THERE_TOO.get(name, set())


_PATHS = {
    "payment_intent": "payment_intents/pi_1",
    "charge": "charges/ch_1",
    "payment_method": "payment_methods/pm_1",
    "transfer": "transfers/tr_1",
    "transfer_reversal": "transfers/tr_1/reversals/trr_1",
    "refund": "refunds/re_1",
    "balance_transaction": "balance_transactions/txn_1",
    "dispute": "disputes/du_1",
    "radar.early_fraud_warning": "radar/early_fraud_warnings/issfr_1",
    "review": "reviews/prv_1",
    "webhook_endpoint": "webhook_endpoints/we_1",
    "account": "account",
    "customer": "customers/cus_1",
    "balance": "balance",
    "event": "events/evt_1",
}


_NOT_IN_FIXTURES = {
    "payment_intent": {"source"},
    "radar.early_fraud_warning": {"payment_intent"},
    "review": {"payment_intent"},
}
"""Optional fields that Stripe's fixtures leave out, and stripe-python knows."""


def _differing(ours: Any, theirs: Any, path: str) -> list[str]:
    """Where two values are of another JSON type: null, and what one of them lacks, may be anything."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            found for name in ours.keys() & theirs for found in _differing(ours[name], theirs[name], f"{path}.{name}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        return [found for one in ours[:1] for other in theirs[:1] for found in _differing(one, other, f"{path}[0]")]
    return [] if ours is None or theirs is None or type(ours) is type(theirs) else [f"{path}: {ours!r} and {theirs!r}"]


@pytest.mark.stripe_mock
@pytest.mark.parametrize("name", _PATHS)
def test_forms_are_those_of_stripes_openapi(api: Api, stripe_mock_url: str, name: str) -> None:
    """By stripe-mock, which answers with the fixtures of Stripe's own description of its API."""
    headers = {"Authorization": "Bearer sk_test_123"}
    answer = urllib3.request("GET", f"{stripe_mock_url}/v1/{_PATHS[name]}", headers=headers)
    theirs = json.loads(answer.data)
    assert (answer.status, theirs["object"]) == (200, name)
    ours = _every_object(api)[name]
    assert _differing(ours, theirs, name) == []
    unknown = ours.keys() - theirs
    assert unknown <= _NOT_IN_FIXTURES.get(name, set())
