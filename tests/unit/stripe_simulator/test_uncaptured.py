"""The uncaptured rest of a hold. Stripe shows it as a refund, although no money of the customer moves."""

from dataclasses import replace
from typing import Any

import pytest

from devstack.stripe_simulator import attempts, dashboard
from devstack.stripe_simulator.clock import DAY
from devstack.stripe_simulator.state import RefundEnd
from tests.unit.stripe_simulator.conftest import Api


def _partly_captured(api: Api, amount: int = 400) -> dict[str, Any]:
    return api.post(f"payment_intents/{api.authorize()['id']}/capture", {"amount_to_capture": amount})


def _charge(api: Api, intent: dict[str, Any]) -> dict[str, Any]:
    return api.get(f"charges/{intent['latest_charge']}")


def _refunds(api: Api, intent: dict[str, Any]) -> list[dict[str, Any]]:
    params = {"payment_intent": intent["id"], "expand[]": "data.balance_transaction"}
    rows: list[dict[str, Any]] = api.get("refunds", params)["data"]
    return rows


def test_a_partial_capture_shows_its_rest_as_a_refund(api: Api) -> None:
    intent = _partly_captured(api)
    [rest] = _refunds(api, intent)
    assert (rest["amount"], rest["status"], rest["reason"], rest["metadata"]) == (1600, "succeeded", None, {})
    assert (rest["charge"], rest["destination_details"]["card"]["type"]) == (intent["latest_charge"], "reversal")
    reversal = rest["balance_transaction"]
    assert (reversal["reporting_category"], reversal["type"]) == ("partial_capture_reversal", "refund")
    assert (reversal["amount"], reversal["source"]) == (-1600, rest["id"])
    charge = _charge(api, intent)
    assert (charge["amount"], charge["amount_captured"], charge["amount_refunded"]) == (2000, 400, 1600)
    assert charge["refunded"] is False


def test_a_whole_capture_shows_no_refund(api: Api) -> None:
    intent = api.captured()
    assert _refunds(api, intent) == []
    assert _charge(api, intent)["amount_refunded"] == 0


def test_partial_capture_sends_an_event_about_its_rest(api: Api) -> None:
    _partly_captured(api)
    assert api.types()[-4:] == [
        "charge.captured",
        "refund.created",
        "charge.refunded",
        "payment_intent.succeeded",
    ]
    assert api.events[-2][1]["data"]["object"]["amount_refunded"] == 1600


def test_processing_capture_also_shows_its_rest_as_a_refund(api: Api) -> None:
    state = api.simulator.state
    api.simulator.set_options(replace(state.options, captures_process=True))
    intent = _partly_captured(api, 1999)
    assert _refunds(api, intent) == []
    attempts.finish_capture(state, state.intent(intent["id"]), succeeded=True)
    assert [row["amount"] for row in _refunds(api, intent)] == [1]


def test_only_the_captured_amount_can_be_refunded(api: Api) -> None:
    intent = _partly_captured(api)
    assert api.refused(400, "refunds", {"payment_intent": intent["id"], "amount": 401})["param"] == "amount"
    api.post("refunds", {"payment_intent": intent["id"], "amount": 150})
    assert _charge(api, intent)["refunded"] is False
    assert api.post("refunds", {"payment_intent": intent["id"]})["amount"] == 250
    charge = _charge(api, intent)
    assert (charge["amount_refunded"], charge["refunded"]) == (2000, True)
    assert api.refused(400, "refunds", {"payment_intent": intent["id"]})["code"] == "charge_already_refunded"
    categories = [row["balance_transaction"]["reporting_category"] for row in _refunds(api, intent)]
    assert categories == ["refund", "refund", "partial_capture_reversal"]


def test_failed_refund_does_not_change_the_uncaptured_rest(api: Api) -> None:
    api.simulator.state.refund_ends.append(RefundEnd("succeeded", "failed"))
    intent = _partly_captured(api)
    api.post("refunds", {"payment_intent": intent["id"]})
    api.simulator.advance(1)
    charge = _charge(api, intent)
    assert (charge["amount_refunded"], charge["refunded"]) == (1600, False)


def test_no_money_of_the_customer_moves_for_the_rest(api: Api) -> None:
    _partly_captured(api)
    assert api.effects() == [("hold", 2000), ("capture", 400)]
    assert [row["net"] for row in api.get("balance_transactions")["data"]] == [-1600, 2000]


@pytest.mark.parametrize("by", ["api", "dashboard"])
def test_canceled_hold_is_shown_as_a_refund_without_movement(api: Api, by: str) -> None:
    intent = api.authorize()
    if by == "api":
        api.post(f"payment_intents/{intent['id']}/cancel")
    else:
        dashboard.act(api.simulator.state, "cancel", intent["id"])
    [freed] = _refunds(api, intent)
    assert (freed["amount"], freed["status"], freed["reason"]) == (2000, "succeeded", None)
    assert freed["balance_transaction"] is None
    charge = _charge(api, intent)
    assert (charge["captured"], charge["amount_refunded"], charge["refunded"]) == (False, 2000, True)
    assert api.types()[-3:] == ["refund.created", "charge.refunded", "payment_intent.canceled"]
    assert api.effects() == [("hold", 2000), ("cancel", 2000)]


def test_expired_hold_is_shown_as_a_refund_with_the_expiry_reason(api: Api) -> None:
    intent = api.authorize()
    api.simulator.advance(7 * DAY)
    [freed] = _refunds(api, intent)
    assert (freed["reason"], freed["balance_transaction"]) == ("expired_uncaptured_charge", None)
    assert api.types()[-4:] == ["charge.expired", "refund.created", "charge.refunded", "payment_intent.canceled"]


def test_an_intent_without_a_hold_is_canceled_without_a_refund(api: Api) -> None:
    intent = api.authorize("pm_card_threeDSecure2Required")
    api.post(f"payment_intents/{intent['id']}/cancel")
    assert _refunds(api, intent) == []
