"""Changes without a request of the service: by the Dashboard, banks, other programs, accounts and customers."""

from dataclasses import replace
from typing import Any

import pytest

from devstack.stripe_simulator import accounts, attempts, dashboard, refunds
from devstack.stripe_simulator.state import RefundEnd
from tests.unit.stripe_simulator.conftest import Api


def _transferred(api: Api) -> tuple[str, dict[str, Any]]:
    intent = api.captured()
    source = intent["latest_charge"]
    return intent["id"], api.post(
        "transfers", {"currency": "sgd", "destination": "acct_x", "source_transaction": source}
    )


def test_a_transfer_is_reversed_in_parts_in_the_dashboard(api: Api) -> None:
    intent, transfer = _transferred(api)
    dashboard.act(api.simulator.state, "reverse_transfer", intent, amount=400)
    assert api.get(f"transfers/{transfer['id']}")["amount_reversed"] == 400
    dashboard.act(api.simulator.state, "reverse_transfer", intent)
    assert api.get(f"transfers/{transfer['id']}")["reversed"] is True
    with pytest.raises(ValueError, match="nothing was transferred"):
        dashboard.act(api.simulator.state, "reverse_transfer", api.captured()["id"])


def test_a_part_of_a_hold_is_captured_in_the_dashboard(api: Api) -> None:
    intent = dashboard.act(api.simulator.state, "capture", api.authorize()["id"], amount_to_capture=400)
    assert (intent["amount"], intent["amount_received"], intent["amount_capturable"]) == (2000, 400, 0)


@pytest.mark.parametrize("first", ["pending", "requires_action"])
@pytest.mark.parametrize(("last", "refunded"), [("succeeded", 2000), ("failed", 0), ("canceled", 0)])
def test_pending_refund_reaches_its_final_status(api: Api, first: str, last: str, refunded: int) -> None:
    api.simulator.state.refund_ends.append(RefundEnd(first, last))
    intent = api.captured()
    refund = api.post("refunds", {"payment_intent": intent["id"]})
    assert refund["status"] == first
    refunds.settle(api.simulator.state)
    assert api.get(f"refunds/{refund['id']}")["status"] == last
    assert api.get(f"charges/{intent['latest_charge']}")["amount_refunded"] == refunded


def test_refund_waits_for_funds_if_the_account_is_configured_so(api: Api) -> None:
    api.simulator.set_options(replace(api.simulator.state.options, refunds_wait_for_balance=True))
    refund = api.post("refunds", {"payment_intent": api.captured()["id"]})
    assert (refund["status"], refund["pending_reason"]) == ("pending", "insufficient_funds")


@pytest.mark.parametrize(
    ("succeeded", "status", "effects"),
    [(True, "succeeded", [("hold", 2000), ("capture", 2000)]), (False, "requires_payment_method", None)],
)
def test_bank_decides_a_processing_capture(
    api: Api, succeeded: bool, status: str, effects: list[tuple[str, int]] | None
) -> None:
    api.simulator.set_options(replace(api.simulator.state.options, captures_process=True))
    intent = api.authorize()["id"]
    assert api.post(f"payment_intents/{intent}/capture")["status"] == "processing"
    code = "payment_intent_unexpected_state"
    assert api.refused(400, f"payment_intents/{intent}/capture")["code"] == code
    assert api.refused(400, f"payment_intents/{intent}/cancel")["code"] == code
    state = api.simulator.state
    attempts.finish_capture(state, state.intent(intent), succeeded=succeeded)
    assert api.get(f"payment_intents/{intent}")["status"] == status
    assert api.effects() == (effects or [("hold", 2000), ("cancel", 2000)])


def test_account_that_revoked_access_receives_no_transfer(api: Api) -> None:
    accounts.change(api.simulator.state, "acct_gone", revoked=True)
    charge = api.captured()["latest_charge"]
    params = {"currency": "sgd", "destination": "acct_gone", "source_transaction": charge}
    assert api.refused(403, "transfers", params)["code"] == "account_invalid"
    assert api.events[0] == ("account.application.deauthorized", api.events[0][1])
    assert api.events[0][1]["account"] == "acct_gone"


def test_account_restricted_later_receives_no_transfer(api: Api) -> None:
    accounts.change(api.simulator.state, "acct_slow", transfers=False, currency="usd")
    charge = api.captured()["latest_charge"]
    params = {"currency": "sgd", "destination": "acct_slow", "source_transaction": charge}
    assert api.refused(400, "transfers", params)["code"] == "insufficient_capabilities_for_transfer"
    assert api.get("accounts/acct_slow")["default_currency"] == "usd"


def test_events_of_other_accounts_modes_and_versions_reach_the_same_endpoint(api: Api) -> None:
    api.simulator.state.emit_as(
        "payment_intent.succeeded", {"id": "pi_x"}, account="acct_x", livemode=True, api_version="2020-08-27"
    )
    _, event = api.events[-1]
    assert (event["account"], event["livemode"], event["api_version"]) == ("acct_x", True, "2020-08-27")


def test_payment_method_without_a_customer_is_usable_once(api: Api) -> None:
    used = api.authorize()["payment_method"]
    assert "previously used" in api.refused(400, "payment_intents", api.authorization(used))["message"]


def test_payment_method_of_a_customer_is_reusable_by_that_customer_only(api: Api) -> None:
    method = api.post("payment_methods/pm_card_visa/attach", {"customer": "cus_1"})["id"]
    for _ in range(2):
        api.authorize(method, customer="cus_1")
    without = api.refused(400, "payment_intents", api.authorization(method))
    other = api.refused(400, "payment_intents", api.authorization(method, customer="cus_2"))
    assert "is attached to a customer" in without["message"]
    assert "does not belong to the Customer cus_2" in other["message"]
