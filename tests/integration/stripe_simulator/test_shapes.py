"""Objects have the forms of Stripe's OpenAPI description, as stripe-mock shows them."""

import json
from typing import Any

import pytest
import urllib3

from tests.unit.stripe_simulator.conftest import Api
from tests.unit.stripe_simulator.objects import every_object

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
"""Optional fields that stripe-python knows and Stripe's fixtures lack."""


def _differing(ours: Any, theirs: Any, path: str) -> list[str]:
    """The places where two values differ in their JSON type. Nulls and missing fields differ from nothing."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            found for name in ours.keys() & theirs for found in _differing(ours[name], theirs[name], f"{path}.{name}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        return [found for one in ours[:1] for other in theirs[:1] for found in _differing(one, other, f"{path}[0]")]
    return [] if ours is None or theirs is None or type(ours) is type(theirs) else [f"{path}: {ours!r} and {theirs!r}"]


@pytest.mark.stripe_mock
@pytest.mark.parametrize("name", _PATHS)
def test_objects_have_the_forms_of_stripes_api_description(stripe_mock_url: str, name: str) -> None:
    """stripe-mock answers with the fixtures of that description."""
    headers = {"Authorization": "Bearer sk_test_123"}
    answer = urllib3.request("GET", f"{stripe_mock_url}/v1/{_PATHS[name]}", headers=headers)
    theirs = json.loads(answer.data)
    assert (answer.status, theirs["object"]) == (200, name)
    ours = every_object(Api())[name]
    assert _differing(ours, theirs, name) == []
    unknown = ours.keys() - theirs
    assert unknown <= _NOT_IN_FIXTURES.get(name, set())
