"""The next step after other programs, people or a bank have moved a payment's money."""

from typing import Any

import pytest

from service.domain.commands.catalog import StoredCommand, plan
from service.domain.events import DISPUTED, REFUNDED
from service.domain.next_step import Call, Clock, Settled, Step
from tests.unit.domain.facts import NOW, POLICY, RELEASE, REVERT, payment, summaries

CLOCK = Clock(NOW, NOW)
TAKEN, RELEASED = "intent charge captured", "intent charge captured transfer"
REVERTED = ["revert_payment payment.reverted REVERTED"]


def planned(command: StoredCommand, status: str, facts: str, **more: Any) -> Step | list[str]:
    """The next step, or the events."""
    following = plan(command, payment(status, facts, **more), POLICY, CLOCK)
    if isinstance(following, Call):
        return following.step
    assert isinstance(following, Settled)
    return summaries(following)


class TestARelease:
    @pytest.mark.parametrize(
        ("why", "sums", "code"),
        [
            (REFUNDED.as_json(), {"refunded": 1500}, "PAYMENT_REFUNDED"),
            (DISPUTED.as_json(), {"disputed": 1500}, "PAYMENT_DISPUTED"),
            (DISPUTED.as_json(), {"refunded": 500, "disputed": 1000}, "PAYMENT_DISPUTED"),
            (None, {"refunded": 1500}, "INVALID_STATE"),
            ({"error": "STRIPE_PAYMENT_CANCELED"}, {"refunded": 1500}, "INVALID_STATE"),
            (REFUNDED.as_json(), {}, "INVALID_STATE"),
        ],
        ids=["refunded", "disputed", "refunded and disputed", "reverted", "canceled", "refund failed since"],
    )
    def test_release_after_the_money_went_back_names_the_receiver(
        self, why: dict[str, Any] | None, sums: dict[str, int], code: str
    ) -> None:
        said = planned(RELEASE, "REVERTED", TAKEN, failure=why, **sums)
        assert said == [f"release_payment payment.failed {code}"]

    def test_release_after_a_full_reversal_transfers_again(self) -> None:
        assert planned(RELEASE, "SUCCEEDED", RELEASED + " reversal") is Step.TRANSFER

    def test_release_after_a_partial_reversal_is_refused(self) -> None:
        assert planned(RELEASE, "SUCCEEDED", RELEASED, reversed=500) == ["release_payment payment.failed INVALID_STATE"]

    def test_release_with_an_effective_transfer_is_answered_despite_earlier_reversals(self) -> None:
        said = planned(RELEASE, "SUCCEEDED", RELEASED, transferred=3000, reversed=1500)
        assert said == ["release_payment payment.released SUCCEEDED"]

    def test_release_of_a_fully_refunded_payment_with_an_open_revert_is_refused(self) -> None:
        """This happens while a revert is open: only the revert changes the status."""
        said = planned(RELEASE, "AUTHORIZED", TAKEN, refunded=1500)
        assert said == ["release_payment payment.failed INVALID_STATE"]


class TestARevert:
    def test_revert_after_a_failed_refund_refunds_again(self) -> None:
        assert planned(REVERT, "REVERTED", TAKEN) is Step.REFUND

    def test_revert_of_a_refunded_payment_reverses_the_transfer(self) -> None:
        assert planned(REVERT, "REVERTED", RELEASED, refunded=1500) is Step.REVERSE
        assert planned(REVERT, "REVERTED", RELEASED, disputed=1500) is Step.REVERSE

    def test_revert_after_a_refund_from_outside_reverses_the_transfer_first(self) -> None:
        assert planned(REVERT, "SUCCEEDED", RELEASED + " refund") is Step.REVERSE
        assert planned(REVERT, "SUCCEEDED", RELEASED + " reversal refund") == REVERTED

    def test_revert_after_a_partial_reversal_reverses_the_rest(self) -> None:
        assert planned(REVERT, "SUCCEEDED", RELEASED, reversed=500) is Step.REVERSE

    def test_revert_after_a_partial_refund_refunds_the_rest(self) -> None:
        assert planned(REVERT, "AUTHORIZED", TAKEN, refunded=500) is Step.REFUND

    @pytest.mark.parametrize("sums", [{"refunded": 1500}, {"disputed": 1500}, {"refunded": 500, "disputed": 1000}])
    def test_revert_of_a_fully_refunded_payment_is_done(self, sums: dict[str, int]) -> None:
        assert planned(REVERT, "AUTHORIZED", TAKEN, **sums) == REVERTED
        assert planned(REVERT, "REVERTED", TAKEN, **sums) == REVERTED

    def test_revert_of_a_contested_payment_refunds(self) -> None:
        """Stripe accepts a refund during an inquiry, and refuses it during a dispute."""
        assert planned(REVERT, "AUTHORIZED", TAKEN, contested=1500) is Step.REFUND

    @pytest.mark.parametrize(("status", "facts"), [("AUTHORIZED", TAKEN + " refund"), ("REVERTED", TAKEN + " refund")])
    def test_revert_notes_its_correlation_id(self, status: str, facts: str) -> None:
        following = plan(REVERT, payment(status, facts), POLICY, CLOCK)
        assert isinstance(following, Settled)
        assert following.payment.revert_correlation_id == "c-revert"
