"""Transfers, reversals, connected accounts, the balance."""

from dataclasses import replace
from typing import Any

import pytest

from devstack.stripe_simulator import accounts
from tests.unit.stripe_simulator.conftest import Api


def _transfer(intent: dict[str, Any], **params: Any) -> dict[str, Any]:
    basic = {"amount": 2000, "currency": "sgd", "destination": "acct_runner1", "transfer_group": "order-1"}
    return {**basic, "source_transaction": intent["latest_charge"], **params}


def test_a_charge_is_transferred_once(api: Api) -> None:
    intent = api.captured()
    transfer = api.post("transfers", _transfer(intent))
    assert (transfer["destination"], transfer["source_transaction"]) == ("acct_runner1", intent["latest_charge"])
    assert "must not exceed the source amount" in api.refused(400, "transfers", _transfer(intent, amount=1))["message"]
    listed = api.get("transfers", {"transfer_group": "order-1"})["data"]
    assert [row["id"] for row in listed] == [transfer["id"]]
    entry = api.simulator.state.ledger.entries()[-1]
    assert (entry["effect"], entry["destination"], entry["payment_intent"]) == (
        "transfer",
        "acct_runner1",
        intent["id"],
    )


def test_transfer_takes_amount_and_group_from_its_source(api: Api) -> None:
    intent = api.captured()
    params = {"currency": "sgd", "destination": "acct_x", "source_transaction": intent["latest_charge"]}
    transfer = api.post("transfers", params)
    assert (transfer["amount"], transfer["transfer_group"]) == (2000, f"group_{intent['id']}")
    assert api.get(f"charges/{intent['latest_charge']}")["transfer_group"] == f"group_{intent['id']}"


def test_an_uncaptured_or_foreign_source_is_refused(api: Api) -> None:
    held = api.authorize()
    assert api.refused(400, "transfers", _transfer(held))["param"] == "source_transaction"
    assert api.refused(400, "transfers", _transfer(held, source_transaction="ch_no"))["code"] == "resource_missing"
    assert api.refused(400, "transfers", _transfer(api.captured(), currency="usd"))["param"] == "currency"


def test_transfer_without_a_source_needs_available_balance(api: Api) -> None:
    params = {"amount": 2000, "currency": "sgd", "destination": "acct_x"}
    api.captured()
    assert api.refused(400, "transfers", params)["code"] == "balance_insufficient"
    assert api.get("balance")["pending"][0]["amount"] == 2000
    api.simulator.advance(api.simulator.state.options.settlement_delay)
    assert api.get("balance")["available"][0]["amount"] == 2000
    api.post("transfers", params)
    assert api.get("balance")["available"][0]["amount"] == 0


@pytest.mark.parametrize(
    ("destination", "code"),
    [
        ("acct_unknown", "resource_missing"),
        ("acct_1Missing2", "resource_missing"),
        ("runner", "resource_missing"),
        ("acct_restricted1", "insufficient_capabilities_for_transfer"),
    ],
)
def test_destinations_that_cannot_receive(api: Api, destination: str, code: str) -> None:
    error = api.refused(400, "transfers", _transfer(api.captured(), destination=destination))
    assert error["code"] == code
    assert api.effects()[-1][0] == "capture"


def test_accounts_can_be_limited_to_registered_ones(api: Api) -> None:
    state = api.simulator.state
    api.simulator.set_options(replace(state.options, registered_accounts_only=True))
    intent = api.captured()
    assert api.refused(400, "transfers", _transfer(intent))["message"] == "No such destination: 'acct_runner1'"
    accounts.register(state, "acct_runner1", {})
    assert api.post("transfers", _transfer(intent))["destination"] == "acct_runner1"
    created = api.post("accounts", {"country": "SG", "metadata[runner]": "7"})
    assert api.get(f"accounts/{created['id']}")["metadata"] == {"runner": "7"}
    assert api.send("GET", "accounts/acct_other").status == 403


def test_reversals_are_limited_to_the_transferred_amount(api: Api) -> None:
    transfer = api.post("transfers", _transfer(api.captured()))
    path = f"transfers/{transfer['id']}/reversals"
    assert api.refused(400, path, {"amount": 2001})["param"] == "amount"
    first = api.post(path, {"amount": 500})
    assert api.get(f"transfers/{transfer['id']}")["amount_reversed"] == 500
    assert api.refused(400, path, {"amount": 1501})["param"] == "amount"
    api.post(path)
    assert api.get(f"transfers/{transfer['id']}")["reversed"] is True
    assert "already been fully reversed" in api.refused(400, path)["message"]
    assert len(api.get(path)["data"]) == 2
    assert api.get(f"{path}/{first['id']}")["amount"] == 500
    assert api.effects()[-2:] == [("reversal", 500), ("reversal", 1500)]


def test_a_reversed_source_is_not_transferred_again(api: Api) -> None:
    intent = api.captured()
    transfer = api.post("transfers", _transfer(intent))
    api.post(f"transfers/{transfer['id']}/reversals")
    api.refused(400, "transfers", _transfer(intent))


def test_a_reversal_needs_funds(api: Api) -> None:
    transfer = api.post("transfers", _transfer(api.captured()))
    accounts.pay_out(api.simulator.state, "acct_runner1")
    error = api.refused(400, f"transfers/{transfer['id']}/reversals")
    assert error["code"] == "balance_insufficient"
    assert api.effects()[-1][0] == "transfer"
