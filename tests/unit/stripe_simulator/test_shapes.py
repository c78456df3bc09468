"""Objects have only fields that stripe-python knows, and all fields that it requires."""

import pytest
import stripe

from tests.unit.stripe_simulator.conftest import Api
from tests.unit.stripe_simulator.objects import every_object

_ABSENT_THERE_TOO = {
    "payment_intent": {"payment_record"},
    "charge": {"source", "transfer"},
    "refund": {"failure_balance_transaction", "pending_reason"},
}
"""Not optional in the library's types, yet absent from Stripe's own fixtures for card payments."""


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
def test_object_has_the_fields_of_the_library(api: Api, name: str) -> None:
    fields = {field: str(hint) for field, hint in _CLASSES[name].__annotations__.items() if "ClassVar" not in str(hint)}
    required = {field for field, hint in fields.items() if "Optional" not in hint}
    body = every_object(api)[name]
    assert body["object"] == name
    assert set(body) <= set(fields)
    assert required - set(body) <= _ABSENT_THERE_TOO.get(name, set())
