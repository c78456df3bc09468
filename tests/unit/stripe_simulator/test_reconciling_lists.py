"""The lists that a reconciliation reads: their time spans, pages and expansions."""

from typing import Any

import pytest

from devstack.stripe_simulator import disputes
from tests.unit.stripe_simulator.conftest import START, Api

MINUTES = 4


def _busy(api: Api) -> None:
    """One movement of each kind, with a minute between them."""
    for _ in range(MINUTES):
        charge = api.captured()["latest_charge"]
        params = {"currency": "sgd", "destination": "acct_x", "source_transaction": charge, "amount": 100}
        transfer = api.post("transfers", params)
        api.post(f"transfers/{transfer['id']}/reversals")
        api.post("refunds", {"charge": charge, "amount": 100})
        disputes.open_(api.simulator.state, charge, amount=100)
        api.simulator.clock.advance(60)


def _minutes(rows: list[dict[str, Any]]) -> list[int]:
    """The distinct times of creation, in the order of the list."""
    return list(dict.fromkeys(int(row["created"] - START) // 60 for row in rows))


@pytest.mark.parametrize("path", ["charges", "refunds", "transfers", "disputes", "balance_transactions"])
def test_list_of_a_time_span_is_newest_first(api: Api, path: str) -> None:
    _busy(api)
    begin, end = int(START), int(START) + 60 * MINUTES
    whole = api.get(path, {"created[gte]": begin, "created[lt]": end, "limit": 100})
    assert _minutes(whole["data"]) == [3, 2, 1, 0]
    inner = api.get(path, {"created[gt]": begin, "created[lte]": begin + 120, "limit": 100})
    assert _minutes(inner["data"]) == [2, 1]
    assert api.get(path, {"created[lt]": begin})["data"] == []


@pytest.mark.parametrize("path", ["charges", "refunds", "transfers", "disputes", "balance_transactions"])
def test_pages_of_a_time_span_contain_each_row_once(api: Api, path: str) -> None:
    _busy(api)
    params: dict[str, Any] = {"created[gte]": int(START) + 60, "limit": 100}
    whole = [row["id"] for row in api.get(path, params)["data"]]
    paged: list[str] = []
    more = True
    while more:
        after = {"starting_after": paged[-1]} if paged else {}
        page = api.get(path, {**params, "limit": 2, **after})
        paged += [row["id"] for row in page["data"]]
        more = page["has_more"]
    assert paged == whole


@pytest.mark.parametrize(("path", "kind"), [("charges", "charge"), ("refunds", "refund"), ("transfers", "transfer")])
def test_a_list_shows_the_balance_transactions_of_its_rows(api: Api, path: str, kind: str) -> None:
    _busy(api)
    rows = api.get(path, {"expand[]": "data.balance_transaction"})["data"]
    assert [row["balance_transaction"]["reporting_category"] for row in rows] == [kind] * MINUTES


def test_listed_reversals_show_their_balance_transactions(api: Api) -> None:
    _busy(api)
    transfer = api.get("transfers")["data"][0]
    listed = api.get(f"transfers/{transfer['id']}/reversals", {"expand[]": "data.balance_transaction", "limit": 1})
    assert [row["id"] for row in listed["data"]] == [row["id"] for row in transfer["reversals"]["data"]]
    assert listed["data"][0]["balance_transaction"]["reporting_category"] == "transfer_reversal"


def test_dispute_contains_its_balance_transactions(api: Api) -> None:
    _busy(api)
    [first, *_] = api.get("disputes", {"expand[]": "data.balance_transactions.source"})["data"]
    [taken] = first["balance_transactions"]
    assert (taken["reporting_category"], taken["source"]["id"]) == ("dispute", first["id"])


def test_a_transfer_shows_the_transactions_of_its_reversals(api: Api) -> None:
    _busy(api)
    transfer = api.get("transfers", {"expand[]": "data.reversals.data.balance_transaction"})["data"][0]
    [reversal] = transfer["reversals"]["data"]
    assert reversal["balance_transaction"]["amount"] == 100


def test_charge_shows_its_refunds_if_expanded(api: Api) -> None:
    _busy(api)
    [first, *_] = api.get("charges", {"expand[]": "data.refunds.data.balance_transaction"})["data"]
    assert [row["balance_transaction"]["amount"] for row in first["refunds"]["data"]] == [-100]
    assert "refunds" not in api.get(f"charges/{first['id']}")
    path = f"payment_intents/{first['payment_intent']}"
    intent = api.get(path, {"expand[]": "latest_charge.refunds.data.balance_transaction"})
    assert intent["latest_charge"]["refunds"] == first["refunds"]


def test_expanded_balance_transaction_shows_its_source(api: Api) -> None:
    _busy(api)
    rows = api.get("balance_transactions", {"expand[]": "data.source", "created[lt]": int(START) + 60})["data"]
    assert [row["source"]["object"] for row in rows] == [
        "dispute",
        "refund",
        "transfer_reversal",
        "transfer",
        "charge",
    ]


def test_a_failed_refund_shows_both_its_transactions(api: Api) -> None:
    refund = api.post(
        "refunds", {"charge": api.authorize("pm_card_refundFail", capture_method="automatic")["latest_charge"]}
    )
    api.captured()
    api.simulator.advance(1)
    params = {"expand[0]": "data.balance_transaction", "expand[1]": "data.failure_balance_transaction"}
    [listed] = api.get("refunds", params)["data"]
    assert listed["id"] == refund["id"]
    assert listed["failure_balance_transaction"]["reporting_category"] == "refund_failure"


def test_expanded_balance_transaction_becomes_available_with_the_clock(api: Api) -> None:
    intent = api.captured()
    api.simulator.advance(api.simulator.state.options.settlement_delay)
    charge = api.get(f"charges/{intent['latest_charge']}", {"expand[]": "balance_transaction"})
    assert charge["balance_transaction"]["status"] == "available"
