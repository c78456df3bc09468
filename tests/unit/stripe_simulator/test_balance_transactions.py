"""The balance and its transactions, with and without another settlement currency."""

from dataclasses import replace
from typing import Any

from devstack.stripe_simulator import disputes, refunds
from tests.unit.stripe_simulator.conftest import Api


def _transactions(api: Api) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get("balance_transactions", {"limit": 100})["data"]
    return rows[::-1]


def _summary(api: Api) -> list[tuple[str, int, str]]:
    return [(row["reporting_category"], row["amount"], row["currency"]) for row in _transactions(api)]


def _settle_in(api: Api, currency: str, rate: float) -> None:
    simulator = api.simulator
    simulator.set_options(replace(simulator.state.options, settlement_currency=currency, exchange_rate=rate))


def test_every_movement_is_one_transaction_of_its_object(api: Api) -> None:
    charge = api.captured()["latest_charge"]
    transfer = api.post("transfers", {"currency": "sgd", "destination": "acct_x", "source_transaction": charge})
    reversal = api.post(f"transfers/{transfer['id']}/reversals", {"amount": 700})
    refund = api.post("refunds", {"charge": charge, "amount": 500})
    assert _summary(api) == [
        ("charge", 2000, "sgd"),
        ("transfer", -2000, "sgd"),
        ("transfer_reversal", 700, "sgd"),
        ("refund", -500, "sgd"),
    ]
    assert [row["source"] for row in _transactions(api)] == [charge, transfer["id"], reversal["id"], refund["id"]]
    assert api.get(f"charges/{charge}", {"expand[]": "balance_transaction"})["balance_transaction"]["net"] == 2000


def test_uncaptured_part_of_a_hold_is_booked_as_reversed(api: Api) -> None:
    api.post(f"payment_intents/{api.authorize()['id']}/capture", {"amount_to_capture": 400})
    assert _summary(api) == [("charge", 2000, "sgd"), ("partial_capture_reversal", -1600, "sgd")]


def test_a_charge_settles_and_is_transferred_in_the_currency_of_the_balance(api: Api) -> None:
    _settle_in(api, "sgd", 1.35)
    intent = api.authorize(currency="usd", amount=1000)
    charge = api.post(f"payment_intents/{intent['id']}/capture")["latest_charge"]
    params = {"destination": "acct_x", "source_transaction": charge}
    assert api.refused(400, "transfers", {**params, "currency": "usd"})["param"] == "currency"
    assert api.refused(400, "transfers", {**params, "currency": "sgd", "amount": 1351})["message"].startswith("Transf")
    transfer = api.post("transfers", {**params, "currency": "sgd"})
    assert (transfer["amount"], transfer["currency"]) == (1350, "sgd")
    api.post("refunds", {"charge": charge})
    assert _summary(api) == [("charge", 1350, "sgd"), ("transfer", -1350, "sgd"), ("refund", -1350, "sgd")]
    assert _transactions(api)[0]["exchange_rate"] == 1.35


def test_failed_refund_returns_to_the_balance(api: Api) -> None:
    intent = api.authorize("pm_card_refundFail", capture_method="automatic")
    refund = api.post("refunds", {"payment_intent": intent["id"]})
    refunds.settle(api.simulator.state)
    failed = api.get(f"refunds/{refund['id']}")
    assert failed["failure_balance_transaction"] == _transactions(api)[-1]["id"]
    assert _summary(api) == [("charge", 2000, "sgd"), ("refund", -2000, "sgd"), ("refund_failure", 2000, "sgd")]


def test_dispute_and_its_reinstatement_are_booked(api: Api) -> None:
    dispute = disputes.open_(api.simulator.state, api.captured()["latest_charge"])
    disputes.end(api.simulator.state, dispute["id"], "won")
    assert _summary(api)[1:] == [("dispute", -2000, "sgd"), ("dispute_reversal", 2000, "sgd")]
    assert [row["fee"] for row in _transactions(api)] == [0, 1500, 0]


def test_transactions_are_pending_until_the_charge_settles(api: Api) -> None:
    api.captured()
    assert [row["status"] for row in _transactions(api)] == ["pending"]
    api.simulator.advance(api.simulator.state.options.settlement_delay)
    assert [row["status"] for row in _transactions(api)] == ["available"]
