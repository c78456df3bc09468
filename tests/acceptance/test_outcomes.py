"""Every possible outcome of a command, and the movements of its money."""

from typing import Any

import pytest

from tests.support.acceptance import DECLINED, World, authorization, fresh

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

WEEK = 8 * 86400.0
FAULTS: dict[str, dict[str, Any]] = {
    "dropped before it was done": {"kind": "drop_before"},
    "dropped after it was done": {"kind": "drop_after"},
    "500, though done": {"kind": "error_after"},
    "500, not done": {"kind": "error_before"},
    "slow down": {"kind": "rate_limit", "retry_after": 0.1},
    "key in use": {"kind": "conflict"},
}


def test_authorized(world: World) -> None:
    fields = authorization(amount=1999, description="Two coffees")
    event = world.outcome(world.send("authorize_payment", fields, correlation_id="c" * 255))
    payment = world.api.status(fields["order_id"]).body
    assert event.payload == {
        "payment_id": payment["payment_id"],
        "order_id": fields["order_id"],
        "payment_intent_id": payment["stripe_payment_intent_id"],
        "status": "AUTHORIZED",
        "correlation_id": "c" * 255,
    }
    assert {name: payment[name] for name in ("amount", "currency", "status", "description", "runner_id")} == {
        "amount": 1999,
        "currency": "sgd",
        "status": "AUTHORIZED",
        "description": "Two coffees",
        "runner_id": None,
    }
    (hold,) = world.ledger(event.payment_id)
    assert (hold.effect, hold.amount, hold.currency) == ("hold", 1999, "sgd")


def test_released(world: World) -> None:
    held = world.held(amount=1700)
    sent = world.release(held.payment_id, account="acct_runner7", runner_id="runner-7")
    event = world.outcome(sent)
    (transfer,) = world.stripe.ledger("transfer", payment_intent=held.payload["payment_intent_id"])
    assert event.payload == {
        "payment_id": held.payment_id,
        "order_id": held.payload["order_id"],
        "transfer_id": transfer.id,
        "status": "SUCCEEDED",
        "runner_id": "runner-7",
        "amount": 1700,
        "transfer_amount": 1700,
        "transfer_currency": "sgd",
        "correlation_id": sent.correlation_id,
    }
    assert (transfer.amount, transfer.destination) == (1700, "acct_runner7")
    payment = world.api.details(held.payment_id).body
    assert (payment["status"], payment["stripe_transfer_id"]) == ("SUCCEEDED", transfer.id)


def test_reverted_before_capture(world: World) -> None:
    held = world.held()
    sent = world.revert(held.payment_id)
    assert world.outcome(sent).payload == {
        "payment_id": held.payment_id,
        "order_id": held.payload["order_id"],
        "status": "REVERTED",
        "correlation_id": sent.correlation_id,
    }
    world.stripe.drain_webhooks()
    assert world.summaries(held.payment_id)[1:] == ["revert_payment: payment.reverted REVERTED"], (
        "and no news of our own"
    )
    assert world.effects(held.payment_id) == ["hold", "cancel"]


def test_reverted_after_release(world: World) -> None:
    released = world.released()
    event = world.outcome(world.revert(released.payment_id))
    (refund,) = [entry for entry in world.ledger(released.payment_id) if entry.effect == "refund"]
    assert (event.type, event.payload["refund_id"]) == ("payment.reverted", refund.id)
    assert world.effects(released.payment_id) == ["hold", "capture", "transfer", "reversal", "refund"]
    again = world.outcome(world.revert(released.payment_id))
    assert again.payload["refund_id"] == refund.id
    assert len(world.ledger(released.payment_id)) == 5


def test_declined(world: World) -> None:
    event = world.outcome(world.authorize(DECLINED))
    assert (event.type, event.error) == ("payment.failed", "CARD_DECLINED")
    assert event.payload["stripe_code"] == "insufficient_funds"
    payment = world.payment_in("FAILED", event.payload["order_id"])
    assert payment["failure"] == {name: event.payload[name] for name in ("error", "message", "stripe_code")}
    for sent in (world.release(event.payment_id), world.revert(event.payment_id)):
        assert world.outcome(sent).error == "INVALID_STATE"
    world.stripe.drain_webhooks()
    assert len(world.events_of(event.payment_id)) == 3
    assert "hold" not in world.effects(event.payment_id)


def test_order_has_at_most_one_live_payment(world: World) -> None:
    held = world.held()
    order_id = held.payload["order_id"]
    second = world.outcome(world.authorize(order_id=order_id))
    assert (second.error, second.payment_id) == ("ORDER_ALREADY_PAID", held.payment_id)
    assert (second.key, second.headers["ce_subject"], second.headers["sequence"]) == (
        held.payment_id,
        held.payment_id,
        "2",
    )
    world.outcome(world.revert(held.payment_id))
    third = world.held(order_id=order_id)
    assert third.payment_id != held.payment_id
    assert world.api.status(order_id).body["payment_id"] == third.payment_id


def test_second_release_is_answered_without_a_second_transfer(world: World) -> None:
    released = world.released()
    same = world.outcome(world.release(released.payment_id))
    assert same.payload["transfer_id"] == released.payload["transfer_id"]
    other = world.outcome(world.release(released.payment_id, account="acct_other"))
    assert (other.type, other.error) == ("payment.failed", "ALREADY_RELEASED")
    assert world.effects(released.payment_id) == ["hold", "capture", "transfer"]


def test_a_refused_transfer_leaves_the_capture_for_another_release(world: World) -> None:
    held = world.held()
    refused = world.outcome(world.release(held.payment_id, account="acct_restricted"))
    assert refused.error == "STRIPE_ERROR"
    payment = world.api.details(held.payment_id).body
    assert (payment["status"], payment["failure"]["error"]) == ("AUTHORIZED", "STRIPE_ERROR")
    assert world.outcome(world.release(held.payment_id)).status == "SUCCEEDED"
    assert world.effects(held.payment_id) == ["hold", "capture", "transfer"]


def test_a_refused_transfer_can_be_reverted(world: World) -> None:
    held = world.held()
    assert world.outcome(world.release(held.payment_id, account="acct_restricted")).error == "STRIPE_ERROR"
    assert "refund_id" in world.outcome(world.revert(held.payment_id)).payload
    assert world.effects(held.payment_id) == ["hold", "capture", "refund"]


def test_passing_faults_are_retried_until_the_outcome_is_known(world: World) -> None:
    orders = {fault: authorization() for fault in FAULTS}
    for fault, fields in orders.items():
        for operation in ("payment_intents.create", "payment_intents.capture", "transfers.create"):
            world.stripe.fault(operation=operation, metadata={"order_id": fields["order_id"]}, **FAULTS[fault])
    authorized = {fault: world.send("authorize_payment", fields) for fault, fields in orders.items()}
    payments = {fault: world.outcome(sent).payment_id for fault, sent in authorized.items()}
    released = {fault: world.release(payment_id) for fault, payment_id in payments.items()}
    assert {fault: world.outcome(sent).status for fault, sent in released.items()} == dict.fromkeys(FAULTS, "SUCCEEDED")
    for fault, payment_id in payments.items():
        assert world.effects(payment_id) == ["hold", "capture", "transfer"], fault
    assert {rule["hits"] for rule in world.stripe.faults()} == {1}, "every fault has struck"


def test_expired_hold_causes_a_news_event(world: World) -> None:
    held = world.held()
    world.stripe.advance(WEEK)
    payment = world.payment_in("REVERTED", held.payload["order_id"])
    assert payment["failure"]["error"] == "STRIPE_PAYMENT_CANCELED"
    _, news = world.heard.wait(lambda r: r.key == held.payment_id, "news of the hold", count=2)
    assert news.summary == "news: payment.failed STRIPE_PAYMENT_CANCELED"
    assert news.correlation_id == held.correlation_id
    assert (news.headers["sequence"], "command_type" in news.headers) == ("2", False)
    assert world.outcome(world.release(held.payment_id)).error == "INVALID_STATE"


def test_dashboard_capture_causes_no_news_and_the_release_transfers(world: World) -> None:
    held = world.held()
    world.stripe.dashboard("capture", held.payload["payment_intent_id"])
    world.stripe.drain_webhooks()
    assert world.outcome(world.release(held.payment_id)).status == "SUCCEEDED"
    assert world.summaries(held.payment_id)[1:] == ["release_payment: payment.released SUCCEEDED"]
    assert world.effects(held.payment_id) == ["hold", "capture", "transfer"]


@pytest.mark.parametrize("kind", ["release_payment", "revert_payment"])
@pytest.mark.parametrize("payment_id", ["6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f", "not-an-id"])
def test_command_for_an_unknown_payment_is_answered_as_not_found(world: World, kind: str, payment_id: str) -> None:
    runner = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}
    sent = world.send(kind, {"payment_id": payment_id, **(runner if kind == "release_payment" else {})})
    event = world.outcome(sent)
    assert (event.type, event.error, event.payment_id) == ("payment.failed", "PAYMENT_NOT_FOUND", payment_id)
    assert event.key == sent.correlation_id
    assert {"ce_subject", "sequence"} & event.headers.keys() == set()


def test_zero_decimal_currency(world: World) -> None:
    held = world.held(amount=1500, currency="JPY", correlation_id=fresh("yen"))
    (hold,) = world.ledger(held.payment_id)
    assert (hold.amount, hold.currency) == (1500, "jpy")
