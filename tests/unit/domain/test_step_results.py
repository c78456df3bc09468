"""The effect of a step's result at Stripe on the payment."""

from dataclasses import replace

import pytest

from service.domain.commands.catalog import StoredCommand
from service.domain.errors import StripeRefusedError
from service.domain.learning import Situation
from service.domain.next_step import Step
from service.domain.step_results import apply, give_up, refuse
from service.domain.stripe_objects import Intent, IntentStatus, Refund, Reversal
from tests.unit.domain.facts import (
    AUTHORIZE,
    FACTS,
    HOLD,
    NO_SUMS,
    NOW,
    OURS,
    RELEASE,
    REVERT,
    intent,
    payment,
    refund,
    reversal,
    summaries,
    transfer,
)

MOMENT = Situation(NOW)
SENT = transfer()
TAKEN_BACK = reversal(payment_id=OURS)
GIVEN_BACK = refund(payment_id=OURS)
CAPTURED = "intent charge captured"


class TestTransfer:
    def test_transfer_makes_the_payment_succeeded(self) -> None:
        before = payment("AUTHORIZED", CAPTURED, failure={"error": "STRIPE_ERROR"})
        after = apply(RELEASE, before, SENT, MOMENT).payment
        assert (after.status, after.stripe_transfer_id, after.failure) == ("SUCCEEDED", "tr_1", None)
        assert (after.runner_id, after.runner_connect_account_id) == ("runner-1", "acct_runner")
        assert (after.transferred, after.release_correlation_id) == (1500, "c-release")

    def test_transfer_to_another_account_is_not_this_release(self) -> None:
        elsewhere = replace(SENT, destination="acct_other")
        after = apply(RELEASE, payment("AUTHORIZED", CAPTURED), elsewhere, MOMENT).payment
        assert (after.runner_id, after.runner_connect_account_id) == (None, "acct_other")
        assert after.release_correlation_id is None

    def test_transfer_of_a_payment_captured_at_once(self) -> None:
        after = apply(RELEASE, payment("SUCCEEDED", CAPTURED), SENT, MOMENT).payment
        assert (after.status, after.stripe_transfer_id) == ("SUCCEEDED", "tr_1")

    def test_transfer_that_is_reversed_already(self) -> None:
        found = replace(SENT, reversals=(TAKEN_BACK,))
        after = apply(RELEASE, payment("AUTHORIZED", CAPTURED), found, MOMENT).payment
        assert (after.stripe_reversal_id, after.transferred, after.reversed) == ("trr_1", 1500, 1500)


def test_reversal_and_refund_change_facts_and_movements_only() -> None:
    released = payment("SUCCEEDED", CAPTURED + " transfer")
    reversed_ = apply(REVERT, released, TAKEN_BACK, MOMENT)
    assert reversed_.payment == replace(released, **FACTS["reversal"])
    refunded = apply(REVERT, reversed_.payment, GIVEN_BACK, MOMENT)
    assert refunded.payment == replace(reversed_.payment, **FACTS["refund"])
    assert [movement.key for movement in (*reversed_.movements, *refunded.movements)] == [
        ("reversal", "trr_1"),
        ("refund", "re_1"),
    ]
    assert reversed_.answers == refunded.answers == ()
    assert not reversed_.look
    assert not refunded.look


def test_incomplete_result_causes_a_look() -> None:
    """Others may have moved a part before; the result of our step does not show it."""
    released = payment("SUCCEEDED", CAPTURED + " transfer")
    assert apply(REVERT, released, replace(TAKEN_BACK, amount=1000), MOMENT).look
    assert apply(REVERT, payment("AUTHORIZED", CAPTURED), replace(GIVEN_BACK, amount=1000), MOMENT).look


@pytest.mark.parametrize(("result", "fact"), [(TAKEN_BACK, "stripe_reversal_id"), (GIVEN_BACK, "stripe_refund_id")])
def test_payment_older_than_its_ledger_notes_the_fact_and_causes_a_look(result: Reversal | Refund, fact: str) -> None:
    older = payment("SUCCEEDED", CAPTURED + " transfer", **NO_SUMS)
    after = apply(REVERT, older, result, MOMENT)
    assert (getattr(after.payment, fact), after.movements, after.look) == (result.id, (), True)


class TestHold:
    def test_cancellation_of_the_payments_own_intent(self) -> None:
        after = apply(HOLD, payment("FAILED"), intent(IntentStatus.CANCELED), MOMENT)
        assert (after.payment.canceled_at, after.answers, after.cancel_hold) == (NOW, (), False)

    def test_hold_found_captured(self) -> None:
        taken = intent(IntentStatus.SUCCEEDED, charge_id="ch_1", received=1500)
        after = apply(HOLD, payment("FAILED"), taken, MOMENT)
        assert (after.payment.captured, after.answers, after.cancel_hold) == (1500, (), False)
        assert apply(HOLD, after.payment, GIVEN_BACK, MOMENT).payment.holds_nothing

    @pytest.mark.parametrize("result", [intent(IntentStatus.CANCELED), intent(IntentStatus.SUCCEEDED), GIVEN_BACK])
    def test_cancellation_of_a_second_intent_is_no_fact_of_the_payment(self, result: Intent | Refund) -> None:
        stray = replace(HOLD, correlation_id="pi_stray")
        strayed = replace(result, id="pi_stray", charge_id="ch_stray") if isinstance(result, Intent) else result
        learnt = apply(stray, payment(), strayed, MOMENT)
        assert learnt.payment == payment()
        assert all(movement.stray for movement in learnt.movements)


REFUSAL = StripeRefusedError("No.", kind="invalid_request_error", code="resource_missing")
DECLINE = StripeRefusedError("No.", kind="card_error", code="card_declined", decline_code="lost_card", intent_id="pi_1")


@pytest.mark.parametrize(
    ("error", "code", "stripe_code"),
    [
        (DECLINE, "CARD_DECLINED", "lost_card"),
        (REFUSAL, "STRIPE_ERROR", "resource_missing"),
        (StripeRefusedError("No.", kind="invalid_request_error"), "STRIPE_ERROR", None),
        (StripeRefusedError("No.", kind="card_error", code="incorrect_cvc"), "CARD_DECLINED", "incorrect_cvc"),
        (
            StripeRefusedError("No.", kind="invalid_request_error", code="amount_too_small"),
            "INVALID_AMOUNT",
            "amount_too_small",
        ),
        (
            StripeRefusedError("No.", kind="card_error", code="payment_intent_authentication_failure"),
            "STRIPE_PAYMENT_FAILED",
            "payment_intent_authentication_failure",
        ),
    ],
)
def test_refused_authorize_fails_the_payment(error: StripeRefusedError, code: str, stripe_code: str | None) -> None:
    refused = refuse(AUTHORIZE, payment("INITIATING", ""), error)
    assert refused.payment.status == "FAILED"
    assert summaries(refused) == [f"authorize_payment payment.failed {code}"]
    assert refused.answers[0].payload.get("stripe_code") == stripe_code
    assert refused.cancel_hold == (error.intent_id is not None)
    assert refused.payment.stripe_payment_intent_id == error.intent_id


def test_refused_cancellation_at_the_deadline_fails_the_payment_and_cancels_its_hold() -> None:
    refused = refuse(AUTHORIZE, payment("REQUIRES_ACTION"), REFUSAL)
    assert (refused.payment.status, refused.cancel_hold) == ("FAILED", True)


@pytest.mark.parametrize(
    ("command", "status"),
    [(RELEASE, "AUTHORIZED"), (RELEASE, "SUCCEEDED"), (REVERT, "AUTHORIZED"), (REVERT, "SUCCEEDED")],
)
def test_refused_step_keeps_the_status(command: StoredCommand, status: str) -> None:
    before = payment(status, CAPTURED)
    refused = refuse(command, before, REFUSAL)
    assert summaries(refused) == [f"{command.type} payment.failed STRIPE_ERROR"]
    assert replace(refused.payment, failure=None) == before
    assert refused.payment.failure == {"error": "STRIPE_ERROR", "message": "No.", "stripe_code": "resource_missing"}


@pytest.mark.parametrize("step", Step)
def test_giving_up_names_the_step_that_was_not_done(step: Step) -> None:
    given_up = give_up(RELEASE, payment(), step)
    assert summaries(given_up) == ["release_payment payment.failed STRIPE_ERROR"]
    assert step.value in given_up.answers[0].payload["message"]
    assert given_up.payment.status == "AUTHORIZED"


def test_giving_up_an_authorize_fails_the_payment() -> None:
    assert give_up(AUTHORIZE, payment("INITIATING", ""), Step.CREATE_INTENT).payment.status == "FAILED"
