"""The PaymentIntent's state machine, its effects and its events."""

from typing import Any

import pytest

from devstack.stripe_simulator import challenge
from devstack.stripe_simulator.clock import DAY
from tests.unit.stripe_simulator.conftest import NO_REDIRECTS, Api


def test_a_hold_is_captured_once(api: Api) -> None:
    intent = api.authorize(**{"metadata[payment_id]": "p1"})
    assert (intent["status"], intent["amount_capturable"], intent["amount_received"]) == ("requires_capture", 2000, 0)
    captured = api.post(f"payment_intents/{intent['id']}/capture")
    assert (captured["status"], captured["amount_capturable"], captured["amount_received"]) == ("succeeded", 0, 2000)
    assert api.effects() == [("hold", 2000), ("capture", 2000)]
    assert api.simulator.state.ledger.entries()[0]["metadata"] == {"payment_id": "p1"}
    assert api.types() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]
    error = api.refused(400, f"payment_intents/{intent['id']}/capture")
    assert error["code"] == "payment_intent_unexpected_state"
    assert error["payment_intent"]["status"] == "succeeded"


def test_automatic_capture_takes_the_money_at_once(api: Api) -> None:
    intent = api.authorize(capture_method="automatic")
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 2000)
    assert api.effects() == [("capture", 2000)]
    assert api.types()[-1] == "payment_intent.succeeded"


def test_partial_capture_releases_the_rest(api: Api) -> None:
    path = f"payment_intents/{api.authorize()['id']}/capture"
    assert api.refused(400, path, {"amount_to_capture": 2001})["code"] == "amount_too_large"
    captured = api.post(path, {"amount_to_capture": 500})
    assert (captured["amount_received"], captured["amount_capturable"]) == (500, 0)


_STATES: dict[str, dict[str, Any]] = {
    "requires_payment_method": {"confirm": "false", "payment_method": None},
    "requires_confirmation": {"confirm": "false"},
    "requires_action": {"payment_method": "pm_card_threeDSecure2Required"},
    "requires_capture": {},
    "succeeded": {"capture_method": "automatic"},
}


def _in_state(api: Api, status: str) -> str:
    params = {**api.authorization(), **_STATES[status]}
    intent = api.post("payment_intents", {name: value for name, value in params.items() if value is not None})
    assert intent["status"] == status
    return str(intent["id"])


@pytest.mark.parametrize("status", _STATES)
def test_capture_needs_a_hold(api: Api, status: str) -> None:
    reply = api.send("POST", f"payment_intents/{_in_state(api, status)}/capture")
    assert (reply.status == 200) == (status == "requires_capture")


@pytest.mark.parametrize("status", _STATES)
def test_cancel_needs_an_uncaptured_intent(api: Api, status: str) -> None:
    path = f"payment_intents/{_in_state(api, status)}/cancel"
    if status == "succeeded":
        assert api.refused(400, path)["code"] == "payment_intent_unexpected_state"
        return
    canceled = api.post(path, {"cancellation_reason": "abandoned"})
    assert (canceled["status"], canceled["cancellation_reason"]) == ("canceled", "abandoned")
    assert canceled["canceled_at"] is not None
    assert api.effects()[-1] == ("cancel", 2000 if status == "requires_capture" else 0)
    assert api.types()[-1] == "payment_intent.canceled"
    assert api.refused(400, path)["code"] == "payment_intent_unexpected_state"


@pytest.mark.parametrize("status", _STATES)
def test_confirm_needs_an_open_intent(api: Api, status: str) -> None:
    path = f"payment_intents/{_in_state(api, status)}/confirm"
    reply = api.send("POST", path, {"payment_method": "pm_card_visa", "return_url": "https://shop.example"})
    assert (reply.status == 200) == (status not in {"requires_capture", "succeeded"})


def test_cancellation_reasons_are_an_enum(api: Api) -> None:
    path = f"payment_intents/{api.authorize()['id']}/cancel"
    assert api.refused(400, path, {"cancellation_reason": "changed my mind"})["param"] == "cancellation_reason"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_declined_card_has_its_codes(api: Api, card: str, code: str, decline_code: str) -> None:
    error = api.refused(402, "payment_intents", api.authorization(card))
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", code, decline_code)
    intent = api.get(f"payment_intents/{error['payment_intent']['id']}")
    assert intent["status"] == error["payment_intent"]["status"] == "requires_payment_method"
    assert intent["last_payment_error"]["decline_code"] == decline_code
    assert intent["payment_method"] is None
    assert api.get(f"charges/{intent['latest_charge']}")["status"] == "failed"
    assert api.types()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    assert api.effects() == []


def test_a_declined_intent_takes_another_card(api: Api) -> None:
    error = api.refused(402, "payment_intents", api.authorization("pm_card_visa_chargeDeclined"))
    path = f"payment_intents/{error['payment_intent']['id']}/confirm"
    intent = api.post(path, {"payment_method": "pm_card_mastercard"})
    assert (intent["status"], intent["last_payment_error"]) == ("requires_capture", None)


def test_confirming_needs_a_payment_method(api: Api) -> None:
    intent = api.post("payment_intents", {"amount": 2000, "currency": "sgd", **NO_REDIRECTS})
    assert "payment method" in api.refused(400, f"payment_intents/{intent['id']}/confirm")["message"]


@pytest.mark.parametrize(
    ("card", "succeeded", "status", "last_error"),
    [
        ("pm_card_threeDSecure2Required", True, "requires_capture", None),
        ("pm_card_authenticationRequired", True, "requires_capture", None),
        ("pm_card_threeDSecureRequired", False, "requires_payment_method", "payment_intent_authentication_failure"),
        (
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            True,
            "requires_payment_method",
            "card_declined",
        ),
    ],
)
def test_three_d_secure_leads_to_the_status_of_the_card(
    api: Api, card: str, succeeded: bool, status: str, last_error: str | None
) -> None:
    intent = api.authorize(card, return_url="https://shop.example/back?o=1")
    assert intent["status"] == "requires_action"
    assert intent["next_action"]["redirect_to_url"]["url"].endswith(f"/3d_secure/{intent['id']}")
    assert intent["client_secret"].startswith(f"{intent['id']}_secret_")
    assert api.effects() == []
    state = api.simulator.state
    back = challenge.finish(state, state.payment_intents[intent["id"]], succeeded=succeeded)
    assert back is not None
    assert back.startswith("https://shop.example/back?o=1&payment_intent=pi_")
    after = api.get(f"payment_intents/{intent['id']}")
    assert (after["status"], after["next_action"]) == (status, None)
    assert (after["last_payment_error"] or {}).get("code") == last_error
    last = "payment_intent.amount_capturable_updated" if last_error is None else "payment_intent.payment_failed"
    assert api.types()[-1] == last


def test_off_session_payment_that_needs_3d_secure_is_declined(api: Api) -> None:
    for terms in ({"off_session": "true"}, {"error_on_requires_action": "true"}):
        params = api.authorization("pm_card_authenticationRequired", **terms)
        assert api.refused(402, "payment_intents", params)["code"] == "authentication_required"
    set_up = "pm_card_authenticationRequiredSetupForOffSession"
    assert api.authorize(set_up, off_session="true")["status"] == "requires_capture"
    assert api.authorize(set_up)["status"] == "requires_action"


def test_a_hold_expires_after_seven_days(api: Api) -> None:
    intent = api.authorize()
    api.simulator.advance(7 * DAY - 1)
    assert api.get(f"payment_intents/{intent['id']}")["status"] == "requires_capture"
    api.simulator.advance(1)
    expired = api.get(f"payment_intents/{intent['id']}")
    assert (expired["status"], expired["cancellation_reason"]) == ("canceled", "automatic")
    assert api.types()[-1] == "payment_intent.canceled"
    last = api.simulator.state.ledger.entries()[-1]
    assert (last["effect"], last["by"]) == ("cancel", "stripe")


def test_a_captured_hold_does_not_expire(api: Api) -> None:
    intent = api.captured()
    api.simulator.advance(8 * DAY)
    assert api.get(f"payment_intents/{intent['id']}")["status"] == "succeeded"


def test_an_event_is_a_snapshot_that_names_its_request(api: Api) -> None:
    intent = api.post("payment_intents", api.authorization(), idempotency_key="k1")
    api.post(f"payment_intents/{intent['id']}/capture")
    event = api.events[2][1]
    assert event["data"]["object"]["status"] == "requires_capture"
    assert event["request"]["idempotency_key"] == "k1"
    assert event["request"]["id"].startswith("req_")
    assert api.get(f"events/{event['id']}") == event
