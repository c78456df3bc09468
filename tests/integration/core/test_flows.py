"""The flows of the contract, each from its first command to its end."""

import pytest

from devstack.stripe_simulator.client import SimulatorControl
from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, DECLINED, Core, running_core

AUTHORIZED = "authorize_payment: payment.authorized AUTHORIZED"
RELEASED = "release_payment: payment.released SUCCEEDED"
REVERTED = "revert_payment: payment.reverted REVERTED"
CANCELED = "authorize_payment: payment.failed STRIPE_PAYMENT_CANCELED"
HOLD_ENDED = "news: payment.failed STRIPE_PAYMENT_CANCELED"


def test_payment_is_held_and_released(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    assert core.summaries() == [AUTHORIZED, RELEASED]
    assert core.effects() == ["hold", "capture", "transfer"]
    assert core.status(payment) == "SUCCEEDED"
    (transfer,) = core.stripe.ledger("transfer")
    assert (transfer.amount, transfer.destination) == (1500, "acct_runner")
    assert core.events()[1].payload == {
        "payment_id": str(payment),
        "order_id": "order-1",
        "transfer_id": transfer.id,
        "status": "SUCCEEDED",
        "runner_id": "runner-1",
        "amount": 1500,
        "transfer_amount": 1500,
        "transfer_currency": "sgd",
        "correlation_id": "c-release",
    }
    check_settled(core)


def test_webhooks_after_recorded_results_change_nothing(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    before = core.payment(payment)
    assert "applied" not in core.deliver_all(payment)
    assert core.payment(payment) == before


def test_revert_before_capture_may_reuse_the_correlation_id(core: Core) -> None:
    payment = core.authorize("saga")
    core.revert(payment, "saga", "changed my mind")
    assert core.summaries() == [AUTHORIZED, REVERTED]
    assert "refund_id" not in core.events()[1].payload
    assert core.effects() == ["hold", "cancel"]
    assert core.payment(payment)["revert_reason"] == "changed my mind"
    core.deliver_all(payment)
    assert core.summaries() == [AUTHORIZED, REVERTED]
    check_settled(core)


def test_revert_after_release_reverses_and_refunds(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    core.revert(payment)
    assert core.summaries() == [AUTHORIZED, RELEASED, REVERTED]
    assert core.effects() == ["hold", "capture", "transfer", "reversal", "refund"]
    row = core.payment(payment)
    assert row["stripe_reversal_id"] == core.stripe.ledger("reversal")[0].id
    assert core.events()[2].payload["refund_id"] == row["stripe_refund_id"] == core.stripe.ledger("refund")[0].id
    check_settled(core)


def test_declined_card_fails_the_payment(core: Core) -> None:
    payment = core.authorize(card=DECLINED)
    core.settle()
    assert core.summaries() == ["authorize_payment: payment.failed CARD_DECLINED"]
    assert core.events()[0].payload["stripe_code"] == "insufficient_funds"
    assert core.payment(payment)["failure"]["error"] == "CARD_DECLINED"
    assert core.effects() == ["cancel"], "an intent nobody may finish any more"
    check_settled(core)


def test_finished_3d_secure_authorizes_the_payment(core: Core) -> None:
    payment = core.authorize(card=CHALLENGED, return_url="https://shop.example/back")
    assert (core.status(payment), core.summaries()) == ("REQUIRES_ACTION", [])
    core.stripe.finish_challenge(core.intent(payment))
    core.deliver_all(payment)
    assert (core.status(payment), core.summaries()) == ("AUTHORIZED", [AUTHORIZED])
    core.release(payment)
    check_settled(core)


def test_failed_3d_secure_fails_the_payment(core: Core) -> None:
    payment = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment), succeeded=False)
    core.deliver_all(payment)
    core.settle()
    assert core.summaries() == ["authorize_payment: payment.failed STRIPE_PAYMENT_FAILED"]
    assert core.events()[0].payload["stripe_code"] == "payment_intent_authentication_failure"
    assert core.status(payment) == "FAILED"
    check_settled(core)


def test_finished_3d_secure_is_found_without_its_webhook(core: Core) -> None:
    payment = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment))
    (look,) = core.sql("SELECT next_attempt_at < clock_timestamp() + interval '16 s' AS is_soon FROM commands")
    assert look["is_soon"], "an endpoint that doesn't send payment_intent.amount_capturable_updated costs no more"
    core.sql("UPDATE commands SET next_attempt_at = now()")
    core.complete()
    assert core.summaries() == [AUTHORIZED]


def test_unfinished_3d_secure_is_canceled_at_the_action_deadline(core: Core) -> None:
    payment = core.authorize("c-auth", card=CHALLENGED)
    core.wait("c-auth", hours=23)
    core.complete()
    assert core.summaries() == []
    core.wait("c-auth", hours=2)
    core.complete()
    assert core.summaries() == [CANCELED]
    assert (core.status(payment), core.effects()) == ("REVERTED", ["cancel"])
    core.deliver_all(payment)
    assert core.summaries() == [CANCELED]
    check_settled(core)


def test_revert_answers_an_open_authorize_in_the_same_transaction(core: Core) -> None:
    payment = core.authorize("saga", card=CHALLENGED)
    core.revert(payment, "saga")
    assert core.summaries() == [CANCELED, REVERTED]
    assert len(core.sql("SELECT DISTINCT xid::text FROM outbox")) == 1
    core.deliver_all(payment)
    assert core.summaries() == [CANCELED, REVERTED]
    check_settled(core)


@pytest.mark.parametrize("ended_by", ["dashboard", "expiry"])
def test_hold_that_expires_causes_a_news_event(core: Core, ended_by: str) -> None:
    payment = core.authorize("c-auth")
    if ended_by == "dashboard":
        core.stripe.dashboard("cancel", core.intent(payment))
    else:
        core.stripe.advance(8 * 86400)
    core.deliver_all(payment)
    assert core.summaries() == [AUTHORIZED, HOLD_ENDED]
    assert core.events()[1].correlation_id == "c-auth"
    assert core.status(payment) == "REVERTED"
    check_settled(core)


@pytest.mark.parametrize("kind", ["payment.reverted", "payment.failed", "payment.released"])
def test_setting_names_the_event_of_a_successful_revert(
    emptied_database: str, simulated_stripe: SimulatorControl, kind: str
) -> None:
    with running_core(emptied_database, simulated_stripe, revert_event_type=kind) as core:
        payment = core.authorize()
        core.revert(payment, "first")
        core.revert(payment, "second")
        for correlation_id in ("first", "second"):
            event = core.outcome("revert_payment", correlation_id)
            assert (event.type, event.payload["status"]) == (kind, "REVERTED")
            assert ("error" in event.payload) == (kind == "payment.failed")
        assert core.effects() == ["hold", "cancel"]


def test_revert_keeps_the_event_type_that_was_set_when_it_was_accepted(
    emptied_database: str, simulated_stripe: SimulatorControl
) -> None:
    """The process that finishes a revert may be an operator's shell or a consumer with another setting."""
    with running_core(emptied_database, simulated_stripe, revert_event_type="payment.released") as accepting:
        payment = accepting.authorize()
        accepting.stripe.fault("drop_before", "payment_intents.cancel", times=None)
        accepting.revert(payment, "c-revert")
        accepting.stripe.clear_faults()
    with running_core(emptied_database, simulated_stripe) as finishing:
        finishing.settle()
        assert finishing.outcome("revert_payment", "c-revert").type == "payment.released"
