"""Payments as callers see them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from service.domain.payment import PaymentStatus
from tests.unit.api.fakes import PAYMENT_ID, World, a_payment

STATUS = "/payment/order-1/status"
DETAILS = f"/payment/{PAYMENT_ID}/details"


@pytest.mark.parametrize("path", [STATUS, DETAILS])
def test_payment_has_its_fields_in_both_spellings(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    snake = {
        "payment_id": str(PAYMENT_ID),
        "order_id": "order-1",
        "customer_id": "user-1",
        "runner_id": None,
        "amount": 2100,
        "currency": "sgd",
        "status": "AUTHORIZED",
        "description": None,
        "stripe_payment_intent_id": "pi_1",
        "stripe_transfer_id": None,
        "stripe_refund_id": None,
        "money": {
            "held": 2100,
            "captured": 0,
            "refunded": 0,
            "disputed": 0,
            "transferred": 0,
            "reversed": 0,
            "transfer_currency": None,
        },
        "failure": None,
        "next_action": None,
        "created_at": "2026-01-01T00:00:01.250Z",
        "updated_at": "2026-01-01T00:00:01.250Z",
    }
    camel = {
        "paymentId": str(PAYMENT_ID),
        "orderId": "order-1",
        "customerId": "user-1",
        "runnerId": None,
        "amount": 2100,
        "currency": "sgd",
        "status": "AUTHORIZED",
        "description": None,
        "stripePaymentIntentId": "pi_1",
        "stripeTransferId": None,
        "stripeRefundId": None,
        "money": {
            "held": 2100,
            "captured": 0,
            "refunded": 0,
            "disputed": 0,
            "transferred": 0,
            "reversed": 0,
            "transferCurrency": None,
        },
        "failure": None,
        "nextAction": None,
        "createdAt": "2026-01-01T00:00:01.250Z",
        "updatedAt": "2026-01-01T00:00:01.250Z",
    }
    assert response.json == {"success": True, **snake, "payment": camel}
    assert "Cache-Control" not in response.headers


def test_money_shows_the_sums_of_the_ledger(client: FlaskClient, world: World) -> None:
    sums = {"held": 0, "captured": 2100, "refunded": 100, "disputed": 50, "transferred": 1500, "reversed": 70}
    world.payment = a_payment(**sums, contested=30, transfer_currency="eur")
    body = client.get(DETAILS).json or {}
    assert body["money"] == {**sums, "transfer_currency": "eur"}
    assert body["payment"]["money"] == {**sums, "transferCurrency": "eur"}


def test_failure_has_its_three_fields_in_both_spellings(client: FlaskClient, world: World) -> None:
    failure = {"error": "CARD_DECLINED", "message": "No.", "stripe_code": "insufficient_funds", "ours": "only"}
    world.payment = a_payment(status=PaymentStatus.FAILED, failure=failure)
    body = client.get(DETAILS).json or {}
    assert body["failure"] == {"error": "CARD_DECLINED", "message": "No.", "stripe_code": "insufficient_funds"}
    assert body["payment"]["failure"] == {
        "error": "CARD_DECLINED",
        "message": "No.",
        "stripeCode": "insufficient_funds",
    }


def test_failure_without_a_stripe_code_has_null(client: FlaskClient, world: World) -> None:
    world.payment = a_payment(status=PaymentStatus.FAILED, failure={"error": "STRIPE_ERROR", "message": "m"})
    assert (client.get(DETAILS).json or {})["failure"]["stripe_code"] is None


@pytest.mark.parametrize(
    ("action", "camel"),
    [
        (
            {"type": "redirect_to_url", "redirect_url": "https://s/3ds"},
            {"type": "redirect_to_url", "redirectUrl": "https://s/3ds"},
        ),
        (
            {"type": "use_stripe_sdk", "client_secret": "pi_1_secret_x"},
            {"type": "use_stripe_sdk", "clientSecret": "pi_1_secret_x"},
        ),
        ({"type": "unavailable"}, {"type": "unavailable"}),
    ],
)
def test_next_action_is_returned_and_not_cached(
    client: FlaskClient, world: World, action: dict[str, Any], camel: dict[str, Any]
) -> None:
    world.payment = a_payment(status=PaymentStatus.REQUIRES_ACTION)
    world.next_action = action
    response = client.get(STATUS)
    body = response.json or {}
    assert (body["next_action"], body["payment"]["nextAction"]) == (action, camel)
    assert response.headers["Cache-Control"] == "no-store"


def test_times_are_utc(client: FlaskClient, world: World) -> None:
    singapore = datetime.fromisoformat("2026-01-01T08:00:00+08:00")
    world.payment = a_payment(created_at=singapore, updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    body = client.get(DETAILS).json or {}
    assert body["created_at"] == body["updated_at"] == "2026-01-01T00:00:00.000Z"


def test_unicode_is_not_escaped(client: FlaskClient, world: World) -> None:
    world.payment = a_payment(description="Kopi ☕")
    assert "Kopi ☕" in client.get(DETAILS).text


@pytest.mark.parametrize("path", [STATUS, DETAILS])
def test_unknown_payment_is_404(client: FlaskClient, world: World, path: str) -> None:
    world.payment = None
    response = client.get(path)
    assert (response.status_code, (response.json or {})["error"]) == (404, "PAYMENT_NOT_FOUND")


@pytest.mark.parametrize(
    "given", ["nope", "1", f"{{{PAYMENT_ID}}}", f"urn:uuid:{PAYMENT_ID}", PAYMENT_ID.hex, f"{PAYMENT_ID}%0A", "a%00b"]
)
def test_malformed_payment_id_is_404_and_not_looked_up(client: FlaskClient, world: World, given: str) -> None:
    assert client.get(f"/payment/{given}/details").status_code == 404
    assert client.post(f"/payment/{given}/revert").status_code == 404
    assert world.asked == []


def test_payment_id_in_capitals_finds_the_same_payment(client: FlaskClient, world: World) -> None:
    assert client.get(f"/payment/{str(PAYMENT_ID).upper()}/details").status_code == 200
    assert world.asked == [UUID(str(PAYMENT_ID))]


@pytest.mark.parametrize(
    ("path", "order_id"),
    [
        ("/payment/a%2Fb/status", "a/b"),
        ("/payment/a/b/status", "a/b"),
        ("/payment//a//b/status", "/a//b"),
        ("/payment/status/status", "status"),
        ("/payment/x/details/status", "x/details"),
        ("/payment/x/status/status", "x/status"),
        ("/payment/a%20b%2B%25/status", "a b+%"),
        ("/payment/a+b/status", "a+b"),
        ("/payment/%E2%98%95/status", "☕"),
        ("/payment/a%0Ab/status", "a\nb"),
        ("/payment/a%3Fb%23c/status", "a?b#c"),
        ("/payment/%27%3B--/status", "';--"),
    ],
)
def test_order_id_may_contain_any_character(client: FlaskClient, world: World, path: str, order_id: str) -> None:
    assert client.get(path).status_code == 200
    assert world.asked == [order_id]


def test_nul_never_reaches_the_database(client: FlaskClient, world: World) -> None:
    assert client.get("/payment/a%00b/status").status_code == 404
    assert client.get("/history/a%00b").status_code == 400
    assert world.asked == []
