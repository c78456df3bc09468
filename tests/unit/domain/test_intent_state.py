"""The effect of each intent state on a payment in each status."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from service.domain.errors import ErrorCode
from service.domain.intent_state import (
    SEEN_BY_EVENT,
    SEEN_BY_STATUS,
    Observed,
    Seen,
    fail_authorize,
    failure_of,
    observe,
)
from service.domain.payment import Failure, Payment, PaymentStatus
from service.domain.stripe_objects import IntentError, IntentStatus
from tests.unit.domain.facts import NOW, intent, payment, summaries

LATER = NOW + timedelta(minutes=1)
AUTHORIZED = "authorize_payment payment.authorized AUTHORIZED"
CANCELED = "authorize_payment payment.failed STRIPE_PAYMENT_CANCELED"
FAILED = "authorize_payment payment.failed STRIPE_PAYMENT_FAILED"
NEWS = "news payment.failed STRIPE_PAYMENT_CANCELED"

# Status, seen → the status after, the events, whether the hold must be canceled. A case that is not listed changes no
# status, has no event and cancels nothing. With a revert open only the refusals of the first two are left.
CHANGES: dict[tuple[str, Seen], tuple[str, list[str], bool]] = {
    ("INITIATING", Seen.ACTION): ("REQUIRES_ACTION", [], False),
    ("INITIATING", Seen.HELD): ("AUTHORIZED", [AUTHORIZED], False),
    ("INITIATING", Seen.CAPTURED): ("AUTHORIZED", [AUTHORIZED], False),
    ("INITIATING", Seen.CANCELED): ("REVERTED", [CANCELED], False),
    ("INITIATING", Seen.DECLINED): ("FAILED", [FAILED], True),
    ("REQUIRES_ACTION", Seen.HELD): ("AUTHORIZED", [AUTHORIZED], False),
    ("REQUIRES_ACTION", Seen.CAPTURED): ("AUTHORIZED", [AUTHORIZED], False),
    ("REQUIRES_ACTION", Seen.CANCELED): ("REVERTED", [CANCELED], False),
    ("REQUIRES_ACTION", Seen.DECLINED): ("FAILED", [FAILED], True),
    ("AUTHORIZED", Seen.CANCELED): ("REVERTED", [NEWS], False),
    ("FAILED", Seen.ACTION): ("FAILED", [], True),
    ("FAILED", Seen.HELD): ("FAILED", [], True),
    ("FAILED", Seen.CAPTURED): ("FAILED", [], True),
}
UNDECIDED_WHILE_A_REVERT_IS_OPEN = {
    (status, seen) for status, seen in CHANGES if status != "FAILED" and seen is not Seen.DECLINED
}
ENDED = {"REVERTED": "intent canceled", "SUCCEEDED": "intent charge captured"}
EVERYTHING = list(product(PaymentStatus, Seen, [False, True]))


def _look(before: Payment, seen: Seen, *, revert_open: bool = False, **more: Any) -> Observed:
    return observe(before, seen, intent(**more), revert_open=revert_open, now=LATER)


@pytest.mark.parametrize(("status", "seen", "revert_open"), EVERYTHING)
def test_effect_of_each_intent_state_in_each_status(status: PaymentStatus, seen: Seen, revert_open: bool) -> None:
    before = payment(status.value, ENDED.get(status.value, "intent"), failure={"error": "X"})
    case = (status.value, seen)
    wanted = CHANGES.get(case, (status.value, [], False))
    if revert_open and case in UNDECIDED_WHILE_A_REVERT_IS_OPEN:
        wanted = (status.value, [], False)
    seen_it = _look(before, seen, revert_open=revert_open)
    assert (seen_it.payment.status, summaries(seen_it), seen_it.cancel_hold) == wanted


@pytest.mark.parametrize(("status", "seen", "revert_open"), EVERYTHING)
def test_second_report_of_a_state_changes_nothing(status: PaymentStatus, seen: Seen, revert_open: bool) -> None:
    once = _look(payment(status.value, ENDED.get(status.value, "intent")), seen, revert_open=revert_open)
    again = _look(once.payment, seen, revert_open=revert_open)
    assert replace(again, cancel_hold=False) == Observed(once.payment)


class TestFacts:
    @pytest.mark.parametrize("status", PaymentStatus)
    def test_intent_and_charge_are_noted_and_never_replaced(self, status: PaymentStatus) -> None:
        noted = _look(payment(status.value, ""), Seen.PROCESSING, charge_id="ch_2").payment
        assert (noted.stripe_payment_intent_id, noted.stripe_charge_id) == ("pi_1", "ch_2")
        known = payment(status.value, "charge", stripe_payment_intent_id="pi_0")
        noted = _look(known, Seen.PROCESSING, charge_id="ch_2").payment
        assert (noted.stripe_payment_intent_id, noted.stripe_charge_id) == ("pi_0", "ch_1")

    @pytest.mark.parametrize("status", PaymentStatus)
    def test_capture_is_noted_unless_the_payment_has_ended(self, status: PaymentStatus) -> None:
        noted = _look(payment(status.value), Seen.CAPTURED).payment
        told_no = status in {PaymentStatus.FAILED, PaymentStatus.REVERTED}
        assert noted.captured_at == (None if told_no else LATER)

    def test_first_time_of_a_fact_is_kept(self) -> None:
        assert _look(payment("AUTHORIZED", "intent captured"), Seen.CAPTURED).payment.captured_at == NOW
        assert _look(payment("REVERTED", "intent canceled"), Seen.CANCELED).payment.canceled_at == NOW

    def test_a_cancellation_is_noted_while_a_revert_is_open(self) -> None:
        assert _look(payment(), Seen.CANCELED, revert_open=True).payment.canceled_at == LATER


class TestCapturedAtOnce:
    @pytest.mark.parametrize("method", ["automatic", "automatic_async", None])
    def test_payment_captured_without_a_hold_succeeds(self, method: str | None) -> None:
        seen = _look(payment("INITIATING"), Seen.CAPTURED, capture_method=method)
        assert (seen.payment.status, summaries(seen)) == (
            "SUCCEEDED",
            ["authorize_payment payment.authorized SUCCEEDED"],
        )


class TestOutOfOrder:
    """An intent shows its earlier states, so the result is the same as after all events in order."""

    @pytest.mark.parametrize("status", ["INITIATING", "REQUIRES_ACTION"])
    def test_canceled_after_it_was_held(self, status: str) -> None:
        late = _look(payment(status), Seen.CANCELED, charge_id="ch_1")
        first = _look(payment(status), Seen.HELD, charge_id="ch_1")
        second = _look(first.payment, Seen.CANCELED, charge_id="ch_1")
        assert late.payment == second.payment
        assert late.answers == first.answers + second.answers

    @pytest.mark.parametrize("status", ["INITIATING", "REQUIRES_ACTION"])
    def test_canceled_after_it_was_declined(self, status: str) -> None:
        error = IntentError("card_error", "No.", "card_declined", "lost_card")
        late = _look(payment(status), Seen.CANCELED, error=error, charge_id="ch_1")
        first = _look(payment(status), Seen.DECLINED, error=error, charge_id="ch_1")
        assert late.answers == first.answers
        assert late.payment == _look(first.payment, Seen.CANCELED, charge_id="ch_1").payment
        assert (first.cancel_hold, late.cancel_hold) == (True, False)


class TestTooLate:
    @pytest.mark.parametrize("seen", [Seen.HELD, Seen.CAPTURED, Seen.ACTION])
    @pytest.mark.parametrize(
        ("status", "facts", "goes"),
        [
            ("FAILED", "", True),
            ("FAILED", "intent", True),
            ("FAILED", "intent canceled", False),
            ("FAILED", "intent captured refund", False),
            ("REVERTED", "intent canceled", False),
            ("REVERTED", "intent captured refund", False),
        ],
    )
    def test_payment_without_a_hold_needs_no_cancellation(
        self, seen: Seen, status: str, facts: str, goes: bool
    ) -> None:
        late = _look(payment(status, facts), seen)
        assert (late.cancel_hold, late.answers, late.payment.status) == (goes, (), status)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (None, ("STRIPE_PAYMENT_FAILED", None)),
        (IntentError("card_error", "No.", "card_declined", "lost_card"), ("CARD_DECLINED", "lost_card")),
        (IntentError("card_error", "No.", "expired_card"), ("CARD_DECLINED", "expired_card")),
        (IntentError("card_error", "", "card_declined"), ("CARD_DECLINED", "card_declined")),
        (
            IntentError("invalid_request_error", "No.", "payment_intent_authentication_failure"),
            ("STRIPE_PAYMENT_FAILED", "payment_intent_authentication_failure"),
        ),
        (
            IntentError("card_error", "No.", "payment_intent_authentication_failure"),
            ("STRIPE_PAYMENT_FAILED", "payment_intent_authentication_failure"),
        ),
        (IntentError("invalid_request_error", "No.", "amount_too_small"), ("INVALID_AMOUNT", "amount_too_small")),
        (
            IntentError("invalid_request_error", "No.", "invalid_charge_amount"),
            ("INVALID_AMOUNT", "invalid_charge_amount"),
        ),
        (IntentError("api_error", ""), ("STRIPE_PAYMENT_FAILED", None)),
    ],
)
def test_failure_has_the_contracts_code_and_message(error: IntentError | None, wanted: tuple[str, str | None]) -> None:
    failure = failure_of(error)
    assert (failure.error, failure.stripe_code) == wanted
    assert failure.message, "every failure has a message"


@pytest.mark.parametrize(("facts", "goes"), [("", False), ("intent", True), ("intent canceled", False)])
def test_failed_authorize_cancels_its_hold(facts: str, goes: bool) -> None:
    failed = fail_authorize(payment("INITIATING", facts), Failure(ErrorCode.STRIPE_ERROR, "No."))
    assert failed.cancel_hold == goes
    assert failed.payment.failure == {"error": "STRIPE_ERROR", "message": "No.", "stripe_code": None}


def test_every_state_and_event_of_stripe_is_known() -> None:
    assert set(SEEN_BY_STATUS) == set(IntentStatus)
    assert set(SEEN_BY_EVENT) == {
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
    }
