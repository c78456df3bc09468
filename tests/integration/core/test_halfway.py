"""Commands with a step that is refused for good: earlier steps are kept, and the next command goes on from them."""

from uuid import UUID

import pytest

from tests.integration.core.invariants import check_settled
from tests.support.core import RUNNER, Core

NO_ACCOUNT = "acct_missing"


@pytest.fixture
def captured(core: Core) -> UUID:
    """A captured payment whose transfer was refused."""
    payment = core.authorize()
    core.release(payment, "c-refused", NO_ACCOUNT)
    event = core.outcome("release_payment", "c-refused")
    assert event.summary == "release_payment: payment.failed STRIPE_ERROR"
    assert event.payload["stripe_code"] == "resource_missing"
    row = core.payment(payment)
    assert (row["status"], row["stripe_transfer_id"]) == ("AUTHORIZED", None)
    assert row["captured_at"] is not None
    return payment


def test_new_release_after_a_refused_transfer_only_transfers(core: Core, captured: UUID) -> None:
    core.release(captured, "c-mended")
    assert core.outcome("release_payment", "c-mended").type == "payment.released"
    assert core.effects() == ["hold", "capture", "transfer"]
    assert core.payment(captured)["failure"] is None
    check_settled(core)


def test_revert_after_a_refused_transfer_refunds(core: Core, captured: UUID) -> None:
    core.revert(captured)
    event = core.outcome("revert_payment", "c-revert")
    assert event.payload["refund_id"] == core.stripe.ledger("refund")[0].id
    assert core.effects() == ["hold", "capture", "refund"]
    check_settled(core)


def test_reversal_without_funds_keeps_the_payment_released(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    core.stripe.pay_out(RUNNER)
    core.revert(payment, "c-refused")
    event = core.outcome("revert_payment", "c-refused")
    assert event.summary == "revert_payment: payment.failed STRIPE_ERROR"
    assert event.payload["stripe_code"] == "balance_insufficient"
    assert core.status(payment) == "SUCCEEDED"
    core.release(payment, "c-again")
    assert core.outcome("release_payment", "c-again").type == "payment.released"
    check_settled(core)


def test_next_revert_makes_the_refund_that_was_refused_after_the_reversal(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    core.stripe.fault("refuse", "refunds.create", code="some_refusal", message="Not now.")
    core.revert(payment, "c-refused")
    assert core.outcome("revert_payment", "c-refused").payload["stripe_code"] == "some_refusal"
    core.revert(payment, "c-second")
    assert core.outcome("revert_payment", "c-second").type == "payment.reverted"
    assert core.effects() == ["hold", "capture", "transfer", "reversal", "refund"]
    check_settled(core)


def test_release_after_the_reversal_transfers_again(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    core.stripe.fault("refuse", "refunds.create", code="some_refusal", message="Not now.")
    core.revert(payment, "c-refused")
    core.release(payment, "c-again")
    event = core.outcome("release_payment", "c-again")
    assert event.type == "payment.released", event.payload
    assert (event.type, event.payload["transfer_id"]) == (
        "payment.released",
        core.payment(payment)["stripe_transfer_id"],
    )
    assert core.effects() == ["hold", "capture", "transfer", "reversal", "transfer"]
    core.revert(payment, "c-second")
    assert core.outcome("revert_payment", "c-second").type == "payment.reverted"
    assert core.effects() == ["hold", "capture", "transfer", "reversal", "transfer", "reversal", "refund"]


def test_refused_capture_leaves_the_hold(core: Core) -> None:
    payment = core.authorize()
    core.stripe.fault("refuse", "payment_intents.capture", code="some_refusal")
    core.release(payment, "c-refused")
    assert core.outcome("release_payment", "c-refused").summary == "release_payment: payment.failed STRIPE_ERROR"
    core.release(payment, "c-second")
    assert core.outcome("release_payment", "c-second").type == "payment.released"
    check_settled(core)


def test_refused_cancellation_leaves_the_hold(core: Core) -> None:
    payment = core.authorize()
    core.stripe.fault("refuse", "payment_intents.cancel", code="some_refusal")
    core.revert(payment, "c-refused")
    assert core.outcome("revert_payment", "c-refused").summary == "revert_payment: payment.failed STRIPE_ERROR"
    core.revert(payment, "c-second")
    assert core.outcome("revert_payment", "c-second").type == "payment.reverted"
    check_settled(core)


@pytest.mark.parametrize("card", ["pm_card_refundFail", "pm_card_pendingRefund"])
def test_refund_that_is_pending_or_fails_later_answers_the_revert(core: Core, card: str) -> None:
    payment = core.authorize(card=card)
    core.release(payment)
    core.revert(payment)
    assert core.outcome("revert_payment", "c-revert").type == "payment.reverted"


def test_refused_intent_fails_the_payment(core: Core) -> None:
    payment = core.authorize(card="pm_card_nonexistent")
    core.settle()
    event = core.outcome("authorize_payment", "c-auth")
    assert event.summary == "authorize_payment: payment.failed STRIPE_ERROR"
    assert event.payload["stripe_code"] == "resource_missing"
    core.revert(payment)
    assert core.outcome("revert_payment", "c-revert").summary == "revert_payment: payment.failed INVALID_STATE"
    check_settled(core)
