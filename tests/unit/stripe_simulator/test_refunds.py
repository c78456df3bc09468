"""Refunds."""

import pytest

from devstack.stripe_simulator import dashboard
from tests.unit.stripe_simulator.conftest import Api


def test_refunds_are_limited_to_the_captured_amount(api: Api) -> None:
    intent = api.captured()
    partly = api.post("refunds", {"payment_intent": intent["id"], "amount": 1500})
    assert (partly["status"], partly["amount"], partly["charge"]) == ("succeeded", 1500, intent["latest_charge"])
    assert api.refused(400, "refunds", {"payment_intent": intent["id"], "amount": 501})["param"] == "amount"
    rest = api.post("refunds", {"charge": intent["latest_charge"], "reason": "requested_by_customer"})
    assert (rest["amount"], rest["reason"]) == (500, "requested_by_customer")
    assert api.refused(400, "refunds", {"payment_intent": intent["id"]})["code"] == "charge_already_refunded"
    assert api.effects()[-2:] == [("refund", 1500), ("refund", 500)]
    assert api.get(f"charges/{intent['latest_charge']}")["refunded"] is True


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_threeDSecure2Required"])
def test_uncaptured_charge_cannot_be_refunded(api: Api, card: str) -> None:
    intent = api.authorize(card)
    error = api.refused(400, "refunds", {"payment_intent": intent["id"]})
    assert error["code"] == "payment_intent_unexpected_state"


def test_refund_reasons_differ_from_cancellation_reasons(api: Api) -> None:
    intent = api.captured()
    assert api.refused(400, "refunds", {"payment_intent": intent["id"], "reason": "abandoned"})["param"] == "reason"
    assert api.refused(400, "refunds", {})["code"] == "parameter_missing"
    assert api.refused(400, "refunds", {"payment_intent": "pi_none"})["code"] == "resource_missing"


@pytest.mark.parametrize(
    ("card", "first", "last", "event", "refunded"),
    [
        ("pm_card_pendingRefund", "pending", "succeeded", "refund.updated", 2000),
        ("pm_card_refundFail", "succeeded", "failed", "refund.failed", 0),
    ],
)
def test_refund_of_a_slow_card_ends_later(
    api: Api, card: str, first: str, last: str, event: str, refunded: int
) -> None:
    intent = api.authorize(card, capture_method="automatic")
    refund = api.post("refunds", {"payment_intent": intent["id"]})
    assert refund["status"] == first
    api.simulator.advance(1)
    assert api.get(f"refunds/{refund['id']}")["status"] == last
    assert api.types()[-1] == event
    assert api.get(f"charges/{intent['latest_charge']}")["amount_refunded"] == refunded


def test_dashboard_actions_have_no_request_id(api: Api) -> None:
    state = api.simulator.state
    intent = api.authorize()
    assert dashboard.act(state, "capture", intent["id"])["status"] == "succeeded"
    dashboard.act(state, "refund", intent["id"], amount=500)
    other = api.authorize()
    dashboard.act(state, "cancel", other["id"], cancellation_reason="duplicate")
    by = [(entry["effect"], entry["by"]) for entry in state.ledger.entries()]
    assert by == [
        ("hold", "api"),
        ("capture", "dashboard"),
        ("refund", "dashboard"),
        ("hold", "api"),
        ("cancel", "dashboard"),
    ]
    assert api.events[-1][1]["request"] == {"id": None, "idempotency_key": None}
    with pytest.raises(ValueError, match="not confirm"):
        dashboard.act(state, "confirm", intent["id"])
