"""Parameters are checked against the typed params of stripe-python."""

from typing import Any

import pytest

from devstack.stripe_simulator.form import decode
from tests.unit.stripe_simulator.conftest import Api

_BASE = {"amount": 2000, "currency": "sgd"}


def test_bracket_parameters_are_parsed_into_objects_and_lists() -> None:
    assert decode("a[b][0]=x&a[b][1]=y&c[]=1&c[]=2&d=%26") == {
        "a": {"b": {"0": "x", "1": "y"}},
        "c": {"0": "1", "1": "2"},
        "d": "&",
    }


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({**_BASE, "amuont": 1}, "parameter_unknown", "amuont"),
        ({**_BASE, "automatic_payment_methods[nope]": 1}, "parameter_unknown", "automatic_payment_methods[nope]"),
        ({"currency": "sgd"}, "parameter_missing", "amount"),
        ({"amount": 2000}, "parameter_missing", "currency"),
        ({**_BASE, "amount": "20.5"}, "parameter_invalid_integer", "amount"),
        ({**_BASE, "amount": -1}, "parameter_invalid_integer", "amount"),
        ({**_BASE, "amount": ""}, "parameter_invalid_empty", "amount"),
        ({**_BASE, "confirm": "yes"}, None, "confirm"),
        ({**_BASE, "capture_method": "later"}, None, "capture_method"),
        ({**_BASE, "currency": "xxx"}, None, "currency"),
        ({**_BASE, "metadata": "flat"}, None, "metadata"),
        ({**_BASE, "metadata[k]": "v" * 501}, None, "metadata[k]"),
        ({**_BASE, "metadata[" + "k" * 41 + "]": "v"}, None, "metadata"),
        ({**_BASE, "expand": "latest_charge"}, None, "expand"),
        ({**_BASE, "expand[]": "amount"}, None, "expand"),
        ({**_BASE, "return_url": "https://shop.example"}, None, "return_url"),
        ({**_BASE, "transfer_data[destination]": "acct_1"}, "simulator_unsupported", "transfer_data"),
        ({**_BASE, "payment_method": "pm_bogus"}, "resource_missing", "payment_method"),
        ({**_BASE, "customer": "someone"}, "resource_missing", "customer"),
    ],
)
def test_invalid_parameters_are_refused_as_at_stripe(
    api: Api, params: dict[str, Any], code: str | None, param: str
) -> None:
    error = api.refused(400, "payment_intents", params)
    assert error["type"] == "invalid_request_error"
    assert (error.get("code"), error["param"]) == (code, param)
    assert not api.simulator.state.payment_intents


def test_payment_method_types_are_refused_since_api_version_endive(api: Api) -> None:
    params = {**_BASE, "payment_method_types[0]": "card"}
    assert api.refused(400, "payment_intents", params)["code"] == "payment_method_types_no_longer_supported"
    older = api.post("payment_intents", params, stripe_version="2025-03-31.basil")
    assert older["payment_method_types"] == ["card"]


def test_confirm_without_a_return_url_is_refused(api: Api) -> None:
    params = {**_BASE, "confirm": "true", "payment_method": "pm_card_visa"}
    assert "return_url" in api.refused(400, "payment_intents", params)["message"]
    for way in ({"return_url": "https://shop.example"}, {"allowed_payment_method_types[]": "card"}):
        assert api.post("payment_intents", {**params, **way})["status"] == "succeeded"


def test_metadata_is_merged_and_unset(api: Api) -> None:
    intent = api.post("payment_intents", {**_BASE, "metadata[a]": "1", "metadata[b]": "2"})
    path = f"payment_intents/{intent['id']}"
    assert api.post(path, {"metadata[b]": "", "metadata[c]": "3"})["metadata"] == {"a": "1", "c": "3"}
    assert api.post(path, {"metadata": ""})["metadata"] == {}


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("sk_live_abc", 401), ("sk_test_invalid", 401), ("sk_test_expired", 401), ("sk_test_a", 200)],
)
def test_invalid_api_key_is_refused(api: Api, key: str, status: int) -> None:
    assert api.send("GET", "balance", authorization=f"Bearer {key}").status == status


def test_unknown_urls_versions_and_accounts_are_refused(api: Api) -> None:
    assert api.send("GET", "charges/ch_1/nothing").status == 404
    assert api.send("GET", "payment_intents/pi_none").status == 404
    assert api.send("GET", "balance", stripe_version="tomorrow").status == 400
    assert api.send("POST", "customers", stripe_account="acct_1").status == 400


def test_expand_replaces_ids_with_objects(api: Api) -> None:
    intent = api.authorize()
    expanded = api.get(f"payment_intents/{intent['id']}", {"expand[]": "latest_charge.payment_intent"})
    assert expanded["latest_charge"]["payment_intent"]["id"] == intent["id"]
    listed = api.get("payment_intents", {"expand[]": "data.latest_charge"})
    assert listed["data"][0]["latest_charge"]["id"] == intent["latest_charge"]
