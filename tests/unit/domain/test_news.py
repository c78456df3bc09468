"""The effect of a look on a payment's status, and its news events."""

from dataclasses import replace
from typing import Any

import pytest

from service.domain.intent_state import Observed
from service.domain.learning import Situation, learn_picture
from service.domain.ledger import Proof
from service.domain.movements import of_picture
from service.domain.payment import Payment
from service.domain.stripe_objects import Picture, Reversal
from tests.unit.domain.facts import (
    NOW,
    OURS,
    dispute,
    payment,
    picture,
    refund,
    reversal,
    summaries,
    transfer,
)

TAKEN = "intent charge captured"
RELEASED = TAKEN + " transfer"
GIVEN_BACK = TAKEN + " refund"
RELEASE_OF = {"release_correlation_id": "c-release"}
REVERT_OF = {"revert_correlation_id": "c-revert"}
REFUNDED, DISPUTED = "PAYMENT_REFUNDED", "PAYMENT_DISPUTED"


def known_of(before: Payment, seen: Picture) -> frozenset[Proof]:
    """The keys of all movements that a picture shows."""
    return frozenset(movement.key for movement in of_picture(before, seen))


def looked(before: Payment, seen: Picture, known: Picture | None = None, **more: Any) -> Observed:
    """The effect of a look that shows ``seen`` when the movements in ``known`` are known."""
    return learn_picture(before, seen, Situation(NOW, known=known_of(before, known or picture()), **more))


def sent(*reversals: Reversal) -> Picture:
    """The picture of a captured and transferred payment."""
    return picture(transfers=(transfer(*reversals),))


def error(payment_: Payment) -> str | None:
    """The code of the payment's failure."""
    return None if payment_.failure is None else payment_.failure["error"]


@pytest.mark.parametrize("status", ["AUTHORIZED", "SUCCEEDED"])
class TestRefundedOutside:
    def test_full_refund_ends_the_payment(self, status: str) -> None:
        seen = looked(payment(status, TAKEN), picture(refunds=(refund(reason="fraudulent"),)))
        assert (seen.payment.status, error(seen.payment)) == ("REVERTED", REFUNDED)
        assert (seen.payment.stripe_refund_id, seen.payment.refund_status) == ("re_1", "succeeded")
        (news,) = seen.answers
        assert (news.type, news.command_type, news.correlation_id) == ("payment.refunded", None, "c-auth")
        assert news.payload == {
            "payment_id": OURS,
            "order_id": "order-1",
            "status": "REVERTED",
            "currency": "sgd",
            "amount": 1500,
            "refund_id": "re_1",
            "reason": "fraudulent",
            "refunded": 1500,
        }

    def test_partial_refund_keeps_the_status(self, status: str) -> None:
        seen = looked(payment(status, TAKEN), picture(refunds=(refund(amount=500),)))
        assert (seen.payment.status, seen.payment.refunded, seen.payment.stripe_refund_id) == (status, 500, None)
        assert summaries(seen) == [f"news payment.refunded {status}"]

    def test_last_partial_refund_ends_the_payment(self, status: str) -> None:
        part = picture(refunds=(refund("re_1", 500),))
        seen = looked(
            payment(status, TAKEN, refunded=500), picture(refunds=(refund("re_2", 1000), *part.refunds)), part
        )
        assert (seen.payment.status, seen.payment.stripe_refund_id) == ("REVERTED", "re_2")
        assert [(news.payload["amount"], news.payload["refunded"]) for news in seen.answers] == [(1000, 1500)]

    def test_refund_that_failed_before_it_was_learned_causes_no_news_event(self, status: str) -> None:
        seen = looked(payment(status, TAKEN), picture(refunds=(refund(status="failed"),)))
        assert (seen.payment.status, seen.payment.refunded, seen.answers) == (status, 0, ())
        assert len(seen.movements) == 2

    def test_known_refund_causes_no_news_event(self, status: str) -> None:
        part = picture(refunds=(refund("re_1", 500),))
        before = payment(status, TAKEN, refunded=500)
        assert looked(before, part, part) == Observed(before)


class TestARefundThatFails:
    def test_failure_of_a_reverts_refund_has_the_reverts_correlation_id(self) -> None:
        lost = refund(status="failed", reason="expired_or_canceled_card", payment_id=OURS)
        seen = looked(
            payment("REVERTED", GIVEN_BACK, **REVERT_OF), picture(refunds=(lost,)), picture(refunds=(refund(),))
        )
        after = seen.payment
        assert (after.status, after.stripe_refund_id, after.refund_status, after.refunded) == (
            "REVERTED",
            None,
            None,
            0,
        )
        (news,) = seen.answers
        assert (news.type, news.correlation_id) == ("payment.refund_failed", "c-revert")
        assert (news.payload["refund_id"], news.payload["reason"]) == ("re_1", "expired_or_canceled_card")

    def test_failure_of_another_refund_has_the_authorizes_correlation_id(self) -> None:
        before = payment("SUCCEEDED", RELEASED, refunded=500, **REVERT_OF)
        seen = looked(
            before,
            picture(transfers=(transfer(),), refunds=(refund(amount=500, status="failed"),)),
            picture(transfers=(transfer(),), refunds=(refund(amount=500),)),
        )
        assert [(news.type, news.correlation_id) for news in seen.answers] == [("payment.refund_failed", "c-auth")]

    def test_failed_refund_of_a_failed_payment_is_repeated(self) -> None:
        before = payment("FAILED", GIVEN_BACK, failure={"error": "CARD_DECLINED"})
        seen = looked(
            before, picture(refunds=(refund(status="failed", payment_id=OURS),)), picture(refunds=(refund(),))
        )
        assert (seen.cancel_hold, seen.payment.stripe_refund_id) == (True, None)


class TestADispute:
    def test_dispute_event_has_reason_status_and_evidence_deadline(self) -> None:
        opened = dispute(evidence_due_by=NOW)
        seen = looked(payment("SUCCEEDED", RELEASED), picture(transfers=(transfer(),), disputes=(opened,)), sent())
        assert (seen.payment.status, seen.payment.disputed, seen.payment.contested) == ("SUCCEEDED", 1500, 1500)
        (news,) = seen.answers
        assert (news.type, news.correlation_id) == ("payment.disputed", "c-auth")
        assert news.payload["evidence_due_by"] == "2026-05-04T03:02:01.987Z"
        assert (news.payload["dispute_status"], news.payload["reason"]) == ("needs_response", "fraudulent")

    def test_later_withdrawal_is_news_again(self) -> None:
        inquiry = picture(disputes=(dispute("warning_needs_response", withdrawn=False),))
        before = payment("AUTHORIZED", TAKEN, contested=1500)
        assert summaries(looked(payment("AUTHORIZED", TAKEN), inquiry)) == ["news payment.disputed AUTHORIZED"]
        seen = looked(before, picture(disputes=(dispute(),)), inquiry)
        assert summaries(seen) == ["news payment.disputed AUTHORIZED"]
        assert [movement.kind for movement in seen.movements] == ["dispute_withdrawn"]

    @pytest.mark.parametrize("status", ["AUTHORIZED", "SUCCEEDED"])
    def test_lost_dispute_ends_the_payment(self, status: str) -> None:
        before = payment(status, TAKEN, disputed=1500, contested=1500)
        seen = looked(before, picture(disputes=(dispute("lost"),)), picture(disputes=(dispute(),)))
        assert (seen.payment.status, error(seen.payment)) == ("REVERTED", DISPUTED)
        (news,) = seen.answers
        assert (news.type, news.payload["dispute_status"]) == ("payment.dispute_closed", "lost")

    def test_won_dispute_does_not_change_the_payment(self) -> None:
        before = payment("AUTHORIZED", TAKEN, disputed=1500, contested=1500)
        seen = looked(before, picture(disputes=(dispute("won", reinstated=True),)), picture(disputes=(dispute(),)))
        assert seen.payment == payment("AUTHORIZED", TAKEN)
        assert summaries(seen) == ["news payment.dispute_closed AUTHORIZED"]


class TestAReversalFromOutside:
    @pytest.mark.parametrize("amount", [500, 1500])
    def test_reversal_event_has_the_releases_correlation_id(self, amount: int) -> None:
        seen = looked(payment("SUCCEEDED", RELEASED, **RELEASE_OF), sent(reversal(amount=amount)), sent())
        assert (seen.payment.status, seen.payment.reversed) == ("SUCCEEDED", amount)
        assert seen.payment.stripe_reversal_id == ("trr_1" if amount == 1500 else None)
        (news,) = seen.answers
        assert (news.type, news.correlation_id) == ("payment.transfer_reversed", "c-release")
        assert (news.payload["transfer_id"], news.payload["reversed"]) == ("tr_1", amount)

    def test_reversal_by_the_service_causes_no_news_event(self) -> None:
        seen = looked(payment("SUCCEEDED", RELEASED), sent(reversal(payment_id=OURS)), sent())
        assert (seen.answers, seen.payment.stripe_reversal_id) == ((), "trr_1")

    def test_reversal_of_another_programs_transfer_causes_no_news_event(self) -> None:
        theirs = transfer(id="tr_9", payment_id=None)
        before = payment("SUCCEEDED", RELEASED, transferred=3000)
        back = picture(transfers=(transfer(), replace(theirs, reversals=(reversal(),))))
        seen = looked(before, back, picture(transfers=(transfer(), theirs)))
        assert (seen.answers, seen.payment.reversed) == ((), 1500)


class TestWithARevertOpen:
    @pytest.mark.parametrize(
        "seen", [picture(refunds=(refund(),)), picture(disputes=(dispute("lost"),))], ids=["refunded", "lost"]
    )
    def test_open_revert_keeps_the_status(self, seen: Picture) -> None:
        after = looked(payment("AUTHORIZED", TAKEN), seen, revert_open=True)
        assert (after.payment.status, after.payment.failure) == ("AUTHORIZED", None)
        assert after.payment.money.left == 0
        assert after.answers, "the event is published all the same"


class TestATransferThatTheRecordForgot:
    def test_lost_transfer_is_adopted(self) -> None:
        seen = looked(payment("AUTHORIZED", TAKEN), sent())
        assert (seen.payment.status, seen.payment.stripe_transfer_id) == ("SUCCEEDED", "tr_1")
        assert (seen.payment.transfer_amount, seen.payment.transfer_currency) == (1500, "sgd")
        assert (seen.payment.runner_connect_account_id, seen.payment.transferred) == ("acct_runner", 1500)

    def test_lost_transfer_of_a_payment_captured_at_once_is_adopted(self) -> None:
        assert looked(payment("SUCCEEDED", TAKEN), sent()).payment.stripe_transfer_id == "tr_1"

    def test_transfer_of_another_program_is_not_adopted(self) -> None:
        seen = looked(payment("AUTHORIZED", TAKEN), picture(transfers=(transfer(payment_id=None),)))
        assert (seen.payment.status, seen.payment.stripe_transfer_id, seen.payment.transferred) == (
            "AUTHORIZED",
            None,
            1500,
        )

    def test_transfer_that_was_not_reversed_is_preferred(self) -> None:
        back = transfer(reversal(payment_id=OURS))
        seen = looked(payment("AUTHORIZED", TAKEN), picture(transfers=(back, transfer(id="tr_2"))))
        assert (seen.payment.stripe_transfer_id, seen.payment.stripe_reversal_id) == ("tr_2", None)
