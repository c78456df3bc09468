"""Actions of people in Stripe's Dashboard, and of customers who are too late."""

from uuid import UUID

import pytest

from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, Core

RELEASED = "release_payment: payment.released SUCCEEDED"
HOLD_ENDED = "news: payment.failed STRIPE_PAYMENT_CANCELED"


@pytest.mark.parametrize("heard", [True, False], ids=["webhook first", "webhook late"])
class TestDashboard:
    def hear(self, core: Core, payment: UUID, heard: bool) -> None:
        if heard:
            core.deliver_all(payment)

    def test_release_after_a_capture_only_transfers(self, core: Core, heard: bool) -> None:
        payment = core.authorize()
        core.stripe.dashboard("capture", core.intent(payment))
        self.hear(core, payment, heard)
        assert core.status(payment) == "AUTHORIZED"
        core.release(payment)
        core.deliver_all(payment)
        assert core.summaries()[1:] == [RELEASED]
        assert core.effects() == ["hold", "capture", "transfer"]
        check_settled(core)

    def test_revert_after_a_capture_from_outside_refunds(self, core: Core, heard: bool) -> None:
        payment = core.authorize()
        core.stripe.dashboard("capture", core.intent(payment))
        self.hear(core, payment, heard)
        core.revert(payment)
        core.deliver_all(payment)
        assert core.summaries()[1:] == ["revert_payment: payment.reverted REVERTED"]
        assert core.effects() == ["hold", "capture", "refund"]
        check_settled(core)

    def test_release_after_a_cancellation_from_outside_is_refused(self, core: Core, heard: bool) -> None:
        payment = core.authorize()
        core.stripe.dashboard("cancel", core.intent(payment))
        self.hear(core, payment, heard)
        core.release(payment)
        core.deliver_all(payment)
        assert core.summaries()[1:] == [HOLD_ENDED, "release_payment: payment.failed INVALID_STATE"]
        assert core.status(payment) == "REVERTED"
        check_settled(core)

    def test_revert_after_a_cancellation_from_outside_is_answered(self, core: Core, heard: bool) -> None:
        payment = core.authorize()
        core.stripe.dashboard("cancel", core.intent(payment))
        self.hear(core, payment, heard)
        core.revert(payment)
        core.deliver_all(payment)
        news = [HOLD_ENDED] if heard else []
        assert core.summaries()[1:] == [*news, "revert_payment: payment.reverted REVERTED"]
        check_settled(core)

    def test_revert_after_a_refund_from_outside_reverses_the_transfer(self, core: Core, heard: bool) -> None:
        payment = core.authorize()
        core.release(payment)
        core.stripe.dashboard("refund", core.intent(payment))
        self.hear(core, payment, heard)
        core.revert(payment)
        event = core.outcome("revert_payment", "c-revert")
        assert event.payload["refund_id"] == core.stripe.ledger("refund")[0].id
        assert core.effects() == ["hold", "capture", "transfer", "refund", "reversal"]
        check_settled(core)


def test_revert_completes_a_partial_refund(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    core.stripe.dashboard("refund", core.intent(payment), amount=500)
    core.revert(payment)
    assert [entry.amount for entry in core.stripe.ledger("refund")] == [500, 1000]
    assert core.status(payment) == "REVERTED"


class TestTooLate:
    """The caller knows that the payment failed; then the customer finishes 3-D Secure."""

    def timed_out(self, core: Core) -> UUID:
        """A failed payment: Stripe never answered, and a look at the deadline found no intent."""
        core.stripe.fault("drop_before", "payment_intents.create", times=None)
        payment = core.authorize("c-auth", card=CHALLENGED)
        core.wait("c-auth", hours=2)
        core.settle()
        assert core.summaries() == ["authorize_payment: payment.failed STRIPE_ERROR"]
        assert core.status(payment) == "FAILED"
        return payment

    def refused(self, core: Core) -> UUID:
        """A failed payment: the challenge failed, and its intent is not canceled yet."""
        payment = core.authorize(card=CHALLENGED)
        core.stripe.finish_challenge(core.intent(payment), succeeded=False)
        core.deliver_all(payment)
        assert core.status(payment) == "FAILED"
        return payment

    @pytest.mark.parametrize("finish", ["held", "captured"])
    def test_money_held_after_a_failure_is_returned(self, core: Core, finish: str) -> None:
        payment = core.authorize(card=CHALLENGED)
        core.sql(
            "UPDATE payments SET status = 'FAILED', failure = '{}' WHERE payment_id = :p; "
            "INSERT INTO payment_transitions (payment_id, from_status, to_status, cause) "
            "VALUES (:p, 'REQUIRES_ACTION', 'FAILED', 'test'); "
            "UPDATE commands SET state = 'done', completed_at = now(), next_attempt_at = NULL, outcome = '{}'",
            p=payment,
        )
        core.stripe.finish_challenge(core.intent(payment))
        if finish == "captured":
            core.stripe.dashboard("capture", core.intent(payment))
        core.deliver_all(payment)
        core.settle()
        core.deliver_all(payment)
        core.settle()
        assert core.summaries() == []
        assert core.effects() == (["hold", "cancel"] if finish == "held" else ["hold", "capture", "refund"])
        assert core.status(payment) == "FAILED"

    def test_unknown_intent_is_found_by_its_metadata(self, core: Core) -> None:
        payment = self.timed_out(core)
        before = core.summaries()
        core.stripe.clear_faults()
        made = core.late_intent(payment)
        core.deliver(*core.stripe_events(made))
        core.settle()
        assert core.effects(payment) == ["hold", "cancel"]
        assert core.summaries() == before
        check_settled(core)

    def test_intent_of_a_failed_challenge_is_canceled(self, core: Core) -> None:
        payment = self.refused(core)
        core.settle()
        assert core.effects(payment) == ["cancel"]
        check_settled(core)
