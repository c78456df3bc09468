"""The requests to Stripe, method by method."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from service.domain.errors import TransactionOpenError
from service.domain.ports import PaymentGateway
from service.domain.stripe_objects import Intent, IntentStatus, Refund, Reversal, Transfer
from service.gateway import client
from service.gateway.stripe_gateway import StripeGateway
from tests.unit.gateway.fake_stripe import (
    API_KEY,
    EVERY_CALL,
    HOLD,
    INTENT,
    PAYOUT,
    REFUND,
    REVERSAL,
    SINCE,
    TRANSFER,
    Asked,
    FakeStripe,
    any_intent,
    gateway,
    page,
    settings,
)


def asked_by(call: Callable[[PaymentGateway], Any], *answers: object) -> Asked:
    side = FakeStripe(*answers)
    call(gateway(side))
    assert len(side.asked) == 1
    return side.asked[0]


def test_a_hold_without_return_url_leaves_3d_secure_to_stripe_js() -> None:
    asked = asked_by(lambda g: g.create_intent(HOLD, "key-1"), INTENT)
    assert (asked.method, asked.path) == ("post", "/v1/payment_intents")
    assert asked.params == {
        "amount": "2000",
        "currency": "sgd",
        "customer": "cus_1",
        "payment_method": "pm_1",
        "capture_method": "manual",
        "confirm": "true",
        "description": "Lunch",
        "transfer_group": "order_o-1",
        "metadata[payment_id]": HOLD.payment_id,
        "metadata[order_id]": "o-1",
        "metadata[customer_id]": "user_1",
        "use_stripe_sdk": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }
    assert asked.headers["Idempotency-Key"] == "key-1"


def test_a_hold_with_return_url_may_redirect() -> None:
    there = replace(HOLD, return_url="https://shop.example/back", stripe_customer_id=None, description=None)
    params = asked_by(lambda g: g.create_intent(there, "k"), INTENT).params
    assert params["return_url"] == "https://shop.example/back"
    assert params["automatic_payment_methods[enabled]"] == "true"
    absent = {"use_stripe_sdk", "automatic_payment_methods[allow_redirects]", "customer", "description"}
    assert not absent & set(params)


def test_transfer_uses_the_charge_and_the_orders_group() -> None:
    asked = asked_by(lambda g: g.transfer(PAYOUT, "key-2"), TRANSFER)
    assert (asked.method, asked.path) == ("post", "/v1/transfers")
    assert asked.params == {
        "amount": "2000",
        "currency": "sgd",
        "destination": "acct_1",
        "source_transaction": "ch_1",
        "transfer_group": "order_o-1",
        "metadata[payment_id]": HOLD.payment_id,
        "metadata[order_id]": "o-1",
    }
    assert asked.headers["Idempotency-Key"] == "key-2"


def test_transfer_without_a_charge_uses_the_balance_and_the_orders_group() -> None:
    params = asked_by(lambda g: g.transfer(replace(PAYOUT, charge_id=None), "key-2"), TRANSFER).params
    assert "source_transaction" not in params
    assert params["transfer_group"] == "order_o-1"


@pytest.mark.parametrize(
    ("call", "answer", "path", "params"),
    [
        (
            lambda g: g.capture("pi_1", "k"),
            INTENT,
            "/v1/payment_intents/pi_1/capture",
            {"expand[0]": "latest_charge.balance_transaction"},
        ),
        (
            lambda g: g.cancel("pi_1", "k", "cart expired"),
            INTENT,
            "/v1/payment_intents/pi_1/cancel",
            {"cancellation_reason": "abandoned"},
        ),
        (
            lambda g: g.reverse_transfer("tr_1", "k", "p-1"),
            REVERSAL,
            "/v1/transfers/tr_1/reversals",
            {"metadata[payment_id]": "p-1"},
        ),
        (
            lambda g: g.refund("pi_1", "k", "duplicate order", "p-1"),
            REFUND,
            "/v1/refunds",
            {"payment_intent": "pi_1", "reason": "duplicate", "metadata[payment_id]": "p-1"},
        ),
    ],
    ids=["capture", "cancel", "reverse", "refund"],
)
def test_step_has_all_parameters_and_its_key(
    call: Callable[[PaymentGateway], Any], answer: object, path: str, params: dict[str, str]
) -> None:
    asked = asked_by(call, answer)
    assert (asked.method, asked.path, asked.params) == ("post", path, params)
    assert asked.headers["Idempotency-Key"] == "k"


def test_version_is_pinned_and_telemetry_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "API_VERSION", "2026-01-28.ours")
    side = FakeStripe(INTENT)
    for _ in range(2):
        gateway(side).retrieve_intent("pi_1")
    headers = side.asked[-1].headers
    assert headers["Stripe-Version"] == "2026-01-28.ours"
    assert headers["Authorization"] == f"Bearer {API_KEY}"
    assert "X-Stripe-Client-Telemetry" not in headers
    assert "platform" not in headers["X-Stripe-Client-User-Agent"]
    assert "Idempotency-Key" not in headers


def test_id_cannot_change_the_path_of_a_request() -> None:
    assert (
        asked_by(lambda g: g.retrieve_intent("pi_1/../../x?y"), INTENT).path
        == "/v1/payment_intents/pi_1%2F..%2F..%2Fx%3Fy"
    )


@pytest.mark.parametrize("name", EVERY_CALL)
def test_no_request_is_sent_inside_a_transaction(name: str) -> None:
    inside = ContextVar("inside", default=False)

    def refuse() -> None:
        if inside.get():
            raise TransactionOpenError

    side = FakeStripe(INTENT)
    guarded = StripeGateway(settings(), refuse, http_client=side)
    token = inside.set(True)
    try:
        with pytest.raises(TransactionOpenError):
            EVERY_CALL[name](guarded)
    finally:
        inside.reset(token)
    assert side.asked == []


def test_answers_are_objects_of_the_port() -> None:
    assert gateway(FakeStripe(INTENT)).create_intent(HOLD, "k") == Intent(
        id="pi_1",
        status=IntentStatus.REQUIRES_CAPTURE,
        amount=2000,
        currency="sgd",
        capture_method="manual",
        charge_id="ch_1",
        payment_id=HOLD.payment_id,
        order_id="o-1",
    )
    assert gateway(FakeStripe(TRANSFER)).transfer(PAYOUT, "k") == Transfer(
        "tr_1", 2000, "sgd", "acct_1", "ch_1", PAYOUT.payment_id
    )
    assert gateway(FakeStripe(REVERSAL)).reverse_transfer("tr_1", "k", "p") == Reversal(
        "trr_1", 2000, "sgd", HOLD.payment_id
    )
    made = Refund("re_1", 2000, "sgd", "succeeded", "requested_by_customer", HOLD.payment_id)
    assert gateway(FakeStripe(REFUND)).refund("pi_1", "k", "", "p") == made
    lost = {**REFUND, "status": "failed", "failure_reason": "expired_or_canceled_card"}
    found = gateway(FakeStripe(lost)).refund("pi_1", "k", "", "p")
    assert found == replace(made, status="failed", reason="expired_or_canceled_card")
    assert found.failed


def test_the_search_for_an_intent_is_bounded_by_time() -> None:
    side = FakeStripe(page())
    assert gateway(side).find_intent("p", None, SINCE, any_intent) is None
    start = int(SINCE.timestamp())
    *listed, searched = side.asked
    windows = [(a.params["created[gte]"], a.params.get("created[lt]")) for a in listed]
    ends = [start + int(timedelta(minutes=20).total_seconds()), start + int(timedelta(hours=2).total_seconds())]
    assert windows == [(str(start), str(ends[0])), (str(ends[0]), str(ends[1])), (str(ends[1]), None)]
    assert all("customer" not in asked.params for asked in side.asked)
    assert searched.params["query"] == "metadata['payment_id']:'p'", "older intents are found by a search"


def test_the_search_among_a_customers_intents_is_one_list() -> None:
    side = FakeStripe(page({**INTENT, "metadata": {}}, INTENT))
    found = gateway(side).find_intent(HOLD.payment_id, "cus_1", SINCE, any_intent)
    assert found is not None
    assert found.payment_id == HOLD.payment_id
    assert [asked.params["customer"] for asked in side.asked] == ["cus_1"]
