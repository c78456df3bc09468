"""Movements of a payment's money by others after the capture: people in the Dashboard, banks, other programs."""

from uuid import UUID

import pytest

from tests.integration.core.invariants import books_agree
from tests.support.core import RUNNER, Core
from tests.support.core_view import Event

NO_ACCOUNT = "acct_missing"
FAILING = "pm_card_refundFail"


@pytest.fixture
def captured(core: Core) -> UUID:
    """A captured payment whose transfer was refused."""
    payment = core.authorize()
    core.release(payment, "c-refused", NO_ACCOUNT)
    core.hear()
    return payment


def _news(core: Core, payment: UUID) -> list[Event]:
    return [event for event in core.events(payment) if event.answers is None]


def _only_news(core: Core, payment: UUID) -> Event:
    (found,) = _news(core, payment)
    return found


def test_full_refund_from_outside_ends_the_payment_and_frees_its_order(core: Core, released: UUID) -> None:
    refund = core.stripe.dashboard("refund", core.intent(released))
    core.hear()
    news = _only_news(core, released)
    assert (news.type, news.correlation_id) == ("payment.refunded", "c-auth")
    assert news.payload | {"reason": None} == {
        "payment_id": str(released),
        "order_id": "order-1",
        "status": "REVERTED",
        "currency": "sgd",
        "amount": 1500,
        "refund_id": refund["id"],
        "reason": None,
        "refunded": 1500,
        "correlation_id": "c-auth",
    }
    assert core.status(released) == "REVERTED"
    core.authorize("c-anew")
    assert core.outcome("authorize_payment", "c-anew").type == "payment.authorized"
    books_agree(core, core.payment(released))


def test_revert_reverses_the_transfer_left_by_a_refund_from_outside(core: Core, released: UUID) -> None:
    core.stripe.dashboard("refund", core.intent(released))
    core.hear()
    core.revert(released)
    assert core.outcome("revert_payment", "c-revert").type == "payment.reverted"
    assert core.effects() == ["hold", "capture", "transfer", "refund", "reversal"]
    books_agree(core, core.payment(released))


def test_release_after_a_refund_from_outside_answers_payment_refunded(core: Core, captured: UUID) -> None:
    core.stripe.dashboard("refund", core.intent(captured))
    core.hear()
    core.release(captured)
    assert core.outcome("release_payment", "c-release").summary == "release_payment: payment.failed PAYMENT_REFUNDED"
    assert core.stripe.ledger("transfer") == []


@pytest.mark.parametrize("state", ["captured", "released"])
def test_partial_refund_from_outside_is_news_and_keeps_the_status(
    core: Core, state: str, request: pytest.FixtureRequest
) -> None:
    payment: UUID = request.getfixturevalue(state)
    before = core.status(payment)
    core.stripe.dashboard("refund", core.intent(payment), amount=300)
    core.stripe.dashboard("refund", core.intent(payment), amount=200)
    core.hear()
    first, second = _news(core, payment)
    assert (first.type, first.payload["amount"]) == ("payment.refunded", 300)
    assert (second.payload["amount"], second.payload["refunded"]) == (200, 500)
    assert core.status(payment) == before
    core.revert(payment)
    core.settle()
    assert core.outcome("revert_payment", "c-revert").type == "payment.reverted"
    assert core.payment(payment)["refunded"] == 1500
    books_agree(core, core.payment(payment))


def test_refund_that_fails_later_is_news_and_repeated_by_a_new_revert(core: Core) -> None:
    payment = core.authorize(card=FAILING)
    core.release(payment)
    core.revert(payment)
    dead = core.outcome("revert_payment", "c-revert").payload["refund_id"]
    core.hear()
    assert _news(core, payment) == []
    core.stripe.settle_refunds()
    core.hear()
    news = _only_news(core, payment)
    assert (news.type, news.correlation_id) == ("payment.refund_failed", "c-revert")
    assert (news.payload["refund_id"], news.payload["status"]) == (dead, "REVERTED")
    assert news.payload["reason"] == "expired_or_canceled_card"
    assert core.status(payment) == "REVERTED"
    core.stripe.plan_refund("succeeded")
    core.revert(payment, "c-again")
    again = core.outcome("revert_payment", "c-again")
    assert again.type == "payment.reverted"
    assert again.payload["refund_id"] not in {dead, None}
    books_agree(core, core.payment(payment))


@pytest.mark.parametrize("status", ["pending", "requires_action"])
def test_reverted_event_has_the_status_of_a_pending_refund(core: Core, status: str) -> None:
    payment = core.authorize()
    core.release(payment)
    core.stripe.plan_refund(status, "succeeded")  # type: ignore[arg-type]
    core.revert(payment)
    assert core.outcome("revert_payment", "c-revert").payload["refund_status"] == status
    core.stripe.settle_refunds()
    core.hear()
    assert (core.payment(payment)["refund_status"], _news(core, payment)) == ("succeeded", [])
    core.revert(payment, "c-again")
    assert core.outcome("revert_payment", "c-again").payload["refund_status"] == "succeeded"


@pytest.mark.parametrize("state", ["captured", "released"])
def test_dispute_is_news_when_opened_and_when_won(core: Core, state: str, request: pytest.FixtureRequest) -> None:
    payment: UUID = request.getfixturevalue(state)
    before = core.status(payment)
    dispute = core.stripe.dispute(core.payment(payment)["stripe_charge_id"])
    core.hear()
    opened = _only_news(core, payment)
    assert (opened.type, opened.payload["dispute_id"]) == ("payment.disputed", dispute["id"])
    assert (opened.payload["dispute_status"], opened.payload["reason"]) == ("needs_response", "fraudulent")
    assert opened.payload["evidence_due_by"].endswith("Z")
    assert core.payment(payment)["disputed"] == 1500
    core.stripe.end_dispute(dispute["id"], "won")
    core.hear()
    assert [event.type for event in _news(core, payment)] == ["payment.disputed", "payment.dispute_closed"]
    assert _news(core, payment)[1].payload["dispute_status"] == "won"
    assert (core.status(payment), core.payment(payment)["disputed"]) == (before, 0)
    books_agree(core, core.payment(payment))


@pytest.mark.parametrize("state", ["captured", "released"])
def test_lost_dispute_counts_as_a_refund_by_the_bank(core: Core, state: str, request: pytest.FixtureRequest) -> None:
    payment: UUID = request.getfixturevalue(state)
    dispute = core.stripe.dispute(core.payment(payment)["stripe_charge_id"])
    core.stripe.end_dispute(dispute["id"], "lost")
    core.hear()
    closed = _news(core, payment)[-1]
    assert (closed.type, closed.payload["dispute_status"]) == ("payment.dispute_closed", "lost")
    assert core.status(payment) == "REVERTED"
    core.release(payment, "c-late")
    assert core.outcome("release_payment", "c-late").summary == "release_payment: payment.failed PAYMENT_DISPUTED"
    core.revert(payment)
    assert core.outcome("revert_payment", "c-revert").type == "payment.reverted"
    assert core.payment(payment)["transferred"] == core.payment(payment)["reversed"]
    books_agree(core, core.payment(payment))


def test_inquiry_that_becomes_a_dispute_is_news_twice(core: Core, released: UUID) -> None:
    dispute = core.stripe.dispute(core.payment(released)["stripe_charge_id"], inquiry=True)
    core.hear()
    assert core.payment(released)["disputed"] == 0
    core.stripe.end_dispute(dispute["id"], "escalated")
    core.hear()
    first, second = _news(core, released)
    assert {first.type, second.type} == {"payment.disputed"}
    assert first.payload["dispute_status"] == "warning_needs_response"
    assert second.payload["dispute_status"] == "needs_response"
    assert core.payment(released)["disputed"] == 1500


@pytest.mark.parametrize(("amount", "error"), [(400, "INVALID_STATE"), (None, None)], ids=["part", "whole"])
def test_transfer_reversed_outside_is_news_and_no_longer_counts_as_released(
    core: Core, released: UUID, amount: int | None, error: str | None
) -> None:
    core.stripe.dashboard("reverse_transfer", core.intent(released), **({"amount": amount} if amount else {}))
    core.hear()
    news = _only_news(core, released)
    assert (news.type, news.correlation_id) == ("payment.transfer_reversed", "c-release")
    assert news.payload["transfer_id"] == core.payment(released)["stripe_transfer_id"]
    assert (news.payload["reversed"], news.payload["currency"]) == (amount or 1500, "sgd")
    core.release(released, "c-again")
    core.settle()
    answer = core.outcome("release_payment", "c-again")
    assert answer.payload.get("error") == error, answer.payload
    books_agree(core, core.payment(released))
    core.revert(released)
    core.settle()
    assert core.outcome("revert_payment", "c-revert").type == "payment.reverted"
    books_agree(core, core.payment(released))


def test_full_refund_from_outside_ends_a_released_payment(core: Core, released: UUID) -> None:
    core.stripe.pay_out(RUNNER)
    core.revert(released)
    assert core.outcome("revert_payment", "c-revert").summary == "revert_payment: payment.failed STRIPE_ERROR"
    core.stripe.dashboard("refund", core.intent(released))
    core.hear()
    assert core.status(released) == "REVERTED"
    core.authorize("c-anew")
    assert core.outcome("authorize_payment", "c-anew").type == "payment.authorized"


def test_runner_receives_the_part_captured_from_outside(core: Core) -> None:
    payment = core.authorize()
    core.stripe.dashboard("capture", core.intent(payment), amount_to_capture=1000)
    core.hear()
    core.release(payment)
    event = core.outcome("release_payment", "c-release")
    assert (event.type, event.payload["transfer_amount"]) == ("payment.released", 1000)
    row = core.payment(payment)
    assert (row["held"], row["captured"], row["transferred"]) == (0, 1000, 1000)
    books_agree(core, row)


@pytest.mark.parametrize("group", [{}, {"transfer_group": "a-group-of-its-own"}])
def test_transfer_of_another_program_is_in_the_ledger_as_foreign(
    core: Core, captured: UUID, group: dict[str, str]
) -> None:
    """Stripe lists transfers by group; the event names a transfer of any group."""
    fields = {
        "amount": "100",
        "currency": "sgd",
        "destination": "acct_stranger",
        "source_transaction": core.payment(captured)["stripe_charge_id"],
        **group,
    }
    sent = core.ask_stripe("POST", "transfers", fields)
    core.hear()
    row = core.payment(captured)
    assert (row["transferred"], row["stripe_transfer_id"], row["status"]) == (100, None, "AUTHORIZED")
    assert _news(core, captured) == []
    books_agree(core, row)
    core.ask_stripe("POST", f"transfers/{sent['id']}/reversals", {"amount": "40"})
    core.hear()
    assert core.payment(captured)["reversed"] == 40
    books_agree(core, core.payment(captured))


def test_webhooks_about_own_steps_cause_no_look(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    core.revert(payment)
    before = core.stripe.request_counts()
    core.hear()
    asked = {name: count - before.get(name, 0) for name, count in core.stripe.request_counts().items()}
    assert {name for name, count in asked.items() if count and name != "events.list"} == set()
    books_agree(core, core.payment(payment))


def test_webhooks_about_a_hold_canceled_by_a_revert_cause_no_look(core: Core) -> None:
    payment = core.authorize()
    core.revert(payment)
    before = core.stripe.request_counts()
    core.hear()
    asked = {name: count - before.get(name, 0) for name, count in core.stripe.request_counts().items()}
    assert {name for name, count in asked.items() if count and name != "events.list"} == set()
