"""Changes of a charge by others before the transfer: refunds, disputes, partial captures, other currencies."""

from uuid import UUID

import pytest

from devstack.stripe_simulator.client import DisputeOutcome
from tests.integration.core.invariants import check_settled
from tests.support.core import Core

NO_ACCOUNT = "acct_missing"


@pytest.fixture
def captured(core: Core) -> UUID:
    """A captured payment whose transfer was refused: a new release only makes the transfer."""
    payment = core.authorize()
    core.release(payment, "c-refused", NO_ACCOUNT)
    assert core.outcome("release_payment", "c-refused").summary == "release_payment: payment.failed STRIPE_ERROR"
    return payment


def _charge(core: Core, payment: UUID) -> str:
    return str(core.payment(payment)["stripe_charge_id"])


@pytest.mark.parametrize("refund", [{}, {"amount": 300}], ids=["whole", "part"])
def test_refunded_charge_is_not_transferred(core: Core, captured: UUID, refund: dict[str, int]) -> None:
    core.stripe.dashboard("refund", core.intent(captured), **refund)
    core.release(captured)
    core.settle()
    assert core.outcome("release_payment", "c-release").summary == "release_payment: payment.failed PAYMENT_REFUNDED"
    assert core.stripe.ledger("transfer") == []


@pytest.mark.parametrize("inquiry", [False, True], ids=["dispute", "inquiry"])
def test_disputed_charge_is_not_transferred(core: Core, captured: UUID, inquiry: bool) -> None:
    dispute = core.stripe.dispute(_charge(core, captured), inquiry=inquiry)
    core.release(captured)
    core.settle()
    assert core.outcome("release_payment", "c-release").summary == "release_payment: payment.failed PAYMENT_DISPUTED"
    assert core.stripe.ledger("transfer") == []
    core.stripe.end_dispute(dispute["id"], "warning_closed" if inquiry else "won")
    core.release(captured, "c-again")
    core.settle()
    assert core.outcome("release_payment", "c-again").type == "payment.released"
    check_settled(core)


def test_charge_with_a_lost_dispute_is_not_transferred(core: Core, captured: UUID) -> None:
    core.stripe.end_dispute(core.stripe.dispute(_charge(core, captured))["id"], "lost")
    core.release(captured)
    core.settle()
    assert core.outcome("release_payment", "c-release").summary == "release_payment: payment.failed PAYMENT_DISPUTED"
    assert core.stripe.ledger("transfer") == []


@pytest.mark.parametrize("outcome", ["won", "withdrawn"])
def test_revert_of_a_disputed_payment_leaves_the_transfer_and_succeeds_after_the_dispute(
    core: Core, outcome: DisputeOutcome
) -> None:
    payment = core.authorize()
    core.release(payment)
    dispute = core.stripe.dispute(_charge(core, payment))
    core.revert(payment)
    core.settle()
    assert core.outcome("revert_payment", "c-revert").summary == "revert_payment: payment.failed PAYMENT_DISPUTED"
    assert core.effects() == ["hold", "capture", "transfer", "dispute"]
    core.stripe.end_dispute(dispute["id"], outcome)
    core.revert(payment, "c-again")
    core.settle()
    assert core.outcome("revert_payment", "c-again").type == "payment.reverted"
    check_settled(core)


def test_transfer_has_the_settled_amount_and_currency(core: Core) -> None:
    core.stripe.options(settlement_currency="usd", exchange_rate=0.74)
    payment = core.authorize()
    core.release(payment)
    core.settle()
    released = core.outcome("release_payment", "c-release")
    amounts = {name: released.payload[name] for name in ("amount", "transfer_amount", "transfer_currency")}
    assert amounts == {"amount": 1500, "transfer_amount": 1110, "transfer_currency": "usd"}
    sent = core.stripe.ledger("transfer")[0]
    assert (sent.amount, sent.currency) == (1110, "usd")


def test_second_release_reports_the_same_transfer(core: Core) -> None:
    core.stripe.options(settlement_currency="usd", exchange_rate=0.74)
    payment = core.authorize()
    core.release(payment)
    core.release(payment, "c-second")
    first, second = (core.outcome("release_payment", name).payload for name in ("c-release", "c-second"))
    assert {**first, "correlation_id": ""} == {**second, "correlation_id": ""}


def test_runner_receives_the_part_captured_in_the_dashboard(core: Core) -> None:
    payment = core.authorize()
    core.stripe.dashboard("capture", core.intent(payment), amount_to_capture=400)
    core.deliver_all(payment)
    core.release(payment)
    core.settle()
    released = core.outcome("release_payment", "c-release")
    assert (released.type, released.payload["transfer_amount"]) == ("payment.released", 400)
    assert [entry.amount for entry in core.stripe.ledger("transfer")] == [400]


def test_transfer_of_another_program_does_not_count_as_the_release(core: Core, captured: UUID) -> None:
    theirs = {"amount": "100", "currency": "sgd", "destination": "acct_other"}
    core.ask_stripe("POST", "transfers", {**theirs, "source_transaction": _charge(core, captured)})
    core.release(captured)
    core.settle()
    event = core.outcome("release_payment", "c-release")
    assert event.summary == "release_payment: payment.failed STRIPE_ERROR"  # Stripe: no more than the charge is left
    assert [entry.amount for entry in core.stripe.ledger("transfer")] == [100]


class TestCaptureThatProcesses:
    @pytest.fixture
    def processing(self, core: Core) -> UUID:
        payment = core.authorize()
        core.stripe.options(captures_process=True)
        core.release(payment)
        return payment

    def test_release_waits_for_the_capture_without_repeating_it(self, core: Core, processing: UUID) -> None:
        for _ in range(3):
            core.hurry()
            core.complete()
        assert core.stripe.request_counts()["payment_intents.capture"] == 1
        assert core.summaries()[1:] == []
        core.stripe.finish_capture(core.intent(processing))
        core.settle()
        assert core.outcome("release_payment", "c-release").type == "payment.released"
        check_settled(core)

    def test_deadline_does_not_fail_a_processing_capture(self, core: Core, processing: UUID) -> None:
        core.wait("c-release", hours=2)
        core.complete()
        assert core.summaries()[1:] == []
        core.stripe.finish_capture(core.intent(processing))
        core.settle()
        assert core.outcome("release_payment", "c-release").type == "payment.released"

    def test_capture_that_the_bank_declines_fails_the_release(self, core: Core, processing: UUID) -> None:
        core.stripe.finish_capture(core.intent(processing), succeeded=False)
        core.settle()
        assert core.outcome("release_payment", "c-release").summary == "release_payment: payment.failed STRIPE_ERROR"


class TestHoldOfAFailedPayment:
    @pytest.mark.parametrize(
        "refusal",
        [
            {"status": 404, "code": "resource_missing"},
            {"status": 400, "code": "payment_intent_unexpected_state", "message": "it has a status of processing"},
            {"status": 401, "code": "api_key_expired"},
        ],
        ids=["another key", "processing", "expired key"],
    )
    def test_hold_is_canceled_after_any_number_of_refusals(self, core: Core, refusal: dict[str, object]) -> None:
        payment = core.authorize()
        late = core.late_intent(payment)
        core.stripe.fault("refuse", "payment_intents.cancel", times=3, **refusal)
        core.deliver(*core.stripe_events(late))
        core.settle()
        assert [entry.effect for entry in core.stripe.ledger(payment_intent=late)] == ["hold", "cancel"]
        check_settled(core)
