"""Objects have the fields that stripe-python knows, and those it relies on."""

import pytest
import stripe

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
