"""Disputes, inquiries and fraud warnings."""

from typing import Any

import pytest

from devstack.stripe_simulator import disputes
from tests.unit.stripe_simulator.conftest import Api


def _captured(api: Api, card: str = "pm_card_visa") -> str:
    intent = api.post(f"payment_intents/{api.authorize(card)['id']}/capture")
    charge: str = intent["latest_charge"]
    return charge


def _balance(api: Api) -> int:
    amounts = api.get("balance")
    total: int = amounts["available"][0]["amount"] + amounts["pending"][0]["amount"]
    return total


def test_dispute_withdraws_amount_and_fee_and_forbids_a_refund(api: Api) -> None:
    charge = _captured(api)
    dispute = disputes.open_(api.simulator.state, charge)
    assert (dispute["status"], dispute["amount"]) == ("needs_response", 2000)
    assert _balance(api) == -api.simulator.state.options.dispute_fee
    assert api.get(f"charges/{charge}")["disputed"] is True
    assert api.refused(400, "refunds", {"charge": charge})["code"] == "charge_disputed"
    assert api.types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


def test_inquiry_withdraws_nothing_until_it_becomes_a_dispute(api: Api) -> None:
    charge = _captured(api)
    inquiry = disputes.open_(api.simulator.state, charge, inquiry=True)
    assert (inquiry["status"], inquiry["balance_transactions"]) == ("warning_needs_response", [])
    api.post("refunds", {"charge": charge, "amount": 500})
    disputes.end(api.simulator.state, inquiry["id"], "escalated")
    assert api.get(f"disputes/{inquiry['id']}")["status"] == "needs_response"
    assert api.refused(400, "refunds", {"charge": charge})["code"] == "charge_disputed"


@pytest.mark.parametrize(
    ("outcome", "status", "given_back"),
    [("won", "won", 2000), ("withdrawn", "won", 2000), ("lost", "lost", 0)],
)
def test_dispute_returns_the_amount_unless_it_is_lost(api: Api, outcome: str, status: str, given_back: int) -> None:
    dispute = disputes.open_(api.simulator.state, _captured(api))
    assert disputes.end(api.simulator.state, dispute["id"], outcome)["status"] == status
    assert _balance(api) == given_back - api.simulator.state.options.dispute_fee
    assert ("charge.dispute.funds_reinstated" in api.types()) == bool(given_back)
    assert api.types()[-1] == "charge.dispute.closed"
    assert api.refused(400, f"disputes/{dispute['id']}/close")["message"].endswith("is already closed.")


@pytest.mark.parametrize(("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_test_mode_evidence_decides_a_dispute_at_once(api: Api, text: str, status: str) -> None:
    dispute = disputes.open_(api.simulator.state, _captured(api))
    api.post(f"disputes/{dispute['id']}", {"evidence[uncategorized_text]": text})
    assert api.get(f"disputes/{dispute['id']}")["status"] == status


@pytest.mark.parametrize(
    ("card", "event"),
    [
        ("pm_card_createDispute", "charge.dispute.funds_withdrawn"),
        ("pm_card_createDisputeProductNotReceived", "charge.dispute.funds_withdrawn"),
        ("pm_card_createDisputeInquiry", "charge.dispute.created"),
        ("pm_card_createIssuerFraudRecord", "radar.early_fraud_warning.created"),
    ],
)
def test_dispute_cards_cause_their_event_after_the_capture(api: Api, card: str, event: str) -> None:
    _captured(api, card)
    api.simulator.advance(1)
    assert api.types()[-1] == event


def test_a_hold_cannot_be_disputed(api: Api) -> None:
    charge = api.authorize()["latest_charge"]
    with pytest.raises(Exception, match="nothing to dispute"):
        disputes.open_(api.simulator.state, charge)


def test_disputes_and_fraud_warnings_are_listed_by_charge(api: Api) -> None:
    first, second = _captured(api), _captured(api)
    made = [disputes.open_(api.simulator.state, charge)["id"] for charge in (first, second)]
    disputes.warn(api.simulator.state, first)

    def ids(path: str, charge: str) -> list[Any]:
        return [row["id"] for row in api.get(path, {"charge": charge})["data"]]

    assert ids("disputes", second) == [made[1]]
    assert len(ids("radar/early_fraud_warnings", first)) == 1
    assert ids("radar/early_fraud_warnings", second) == []
