"""What others do to a charge before the runner is paid: refunds, disputes, partial captures, other currencies."""

from uuid import UUID

import pytest

from devstack.stripe_simulator.client import DisputeOutcome
from tests.integration.core.invariants import check_settled
from tests.support.core import Core

NO_ACCOUNT = "acct_missing"


@pytest.fixture
def captured(core: Core) -> UUID:
    """Captured, and the transfer refused: a new release only makes the transfer."""
    payment = core.authorize()
    core.release(payment, "c-refused", NO_ACCOUNT)
    assert core.outcome("release_payment", "c-refused").told == "release_payment: payment.failed STRIPE_ERROR"
    return payment


def _charge(core: Core, payment: UUID) -> str:
    return str(core.payment(payment)["stripe_charge_id"])


@pytest.mark.parametrize("refund", [{}, {"amount": 300}], ids=["whole", "part"])
def test_nothing_is_transferred_of_a_charge_that_was_refunded(
    core: Core, captured: UUID, refund: dict[str, int]
) -> None:
    core.stripe.dashboard("refund", core.intent(captured), **refund)
    core.release(captured)
    core.settle()
    assert core.outcome("release_payment", "c-release").told == "release_payment: payment.failed PAYMENT_REFUNDED"
    assert core.stripe.ledger("transfer") == []


@pytest.mark.parametrize("inquiry", [False, True], ids=["dispute", "inquiry"])
def test_nothing_is_transferred_while_the_charge_is_disputed(core: Core, captured: UUID, inquiry: bool) -> None:
    dispute = core.stripe.dispute(_charge(core, captured), inquiry=inquiry)
    core.release(captured)
    core.settle()
    assert core.outcome("release_payment", "c-release").told == "release_payment: payment.failed PAYMENT_DISPUTED"
    assert core.stripe.ledger("transfer") == []
    core.stripe.end_dispute(dispute["id"], "warning_closed" if inquiry else "won")
    core.release(captured, "c-again")
    core.settle()
    assert core.outcome("release_payment", "c-again").type == "payment.released"
    check_settled(core)


def test_nothing_is_transferred_after_a_dispute_was_lost(core: Core, captured: UUID) -> None:
    core.stripe.end_dispute(core.stripe.dispute(_charge(core, captured))["id"], "lost")
    core.release(captured)
    core.settle()
    assert core.outcome("release_payment", "c-release").told == "release_payment: payment.failed PAYMENT_DISPUTED"
    assert core.stripe.ledger("transfer") == []


@pytest.mark.parametrize("outcome", ["won", "withdrawn"])
def test_a_revert_of_a_disputed_payment_takes_nothing_from_the_runner_and_can_be_asked_again(
    core: Core, outcome: DisputeOutcome
) -> None:
    payment = core.authorize()
    core.release(payment)
    dispute = core.stripe.dispute(_charge(core, payment))
    core.revert(payment)
    core.settle()
    assert core.outcome("revert_payment", "c-revert").told == "revert_payment: payment.failed PAYMENT_DISPUTED"
    assert core.effects() == ["hold", "capture", "transfer", "dispute"]
    core.stripe.end_dispute(dispute["id"], outcome)
    core.revert(payment, "c-again")
    core.settle()
    assert core.outcome("revert_payment", "c-again").type == "payment.reverted"
    check_settled(core)


def test_the_transfer_is_in_the_currency_and_amount_that_stripe_settled(core: Core) -> None:
    core.stripe.options(settlement_currency="usd", exchange_rate=0.74)
    payment = core.authorize()
    core.release(payment)
    core.settle()
    released = core.outcome("release_payment", "c-release")
    told = {name: released.payload[name] for name in ("amount", "transfer_amount", "transfer_currency")}
    assert told == {"amount": 1500, "transfer_amount": 1110, "transfer_currency": "usd"}
    sent = core.stripe.ledger("transfer")[0]
    assert (sent.amount, sent.currency) == (1110, "usd")


def test_a_release_that_is_asked_for_twice_names_the_same_transfer(core: Core) -> None:
    core.stripe.options(settlement_currency="usd", exchange_rate=0.74)
    payment = core.authorize()
    core.release(payment)
    core.release(payment, "c-second")
    first, second = (core.outcome("release_payment", name).payload for name in ("c-release", "c-second"))
    assert {**first, "correlation_id": ""} == {**second, "correlation_id": ""}


def test_a_part_captured_in_the_dashboard_is_what_the_runner_gets(core: Core) -> None:
    payment = core.authorize()
    core.stripe.dashboard("capture", core.intent(payment), amount_to_capture=400)
    core.deliver_all(payment)
    core.release(payment)
    core.settle()
    released = core.outcome("release_payment", "c-release")
    assert (released.type, released.payload["transfer_amount"]) == ("payment.released", 400)
    assert [entry.amount for entry in core.stripe.ledger("transfer")] == [400]


def test_another_programs_transfer_from_the_charge_is_not_the_runners(core: Core, captured: UUID) -> None:
    theirs = {"amount": "100", "currency": "sgd", "destination": "acct_other"}
    core.ask_stripe("POST", "transfers", {**theirs, "source_transaction": _charge(core, captured)})
    core.release(captured)
    core.settle()
    event = core.outcome("release_payment", "c-release")
    assert event.told == "release_payment: payment.failed STRIPE_ERROR"  # Stripe: no more than the charge is left
    assert [entry.amount for entry in core.stripe.ledger("transfer")] == [100]


class TestCaptureThatProcesses:
    @pytest.fixture
    def processing(self, core: Core) -> UUID:
        payment = core.authorize()
        core.stripe.options(captures_process=True)
        core.release(payment)
        return payment

    def test_it_is_waited_for_and_not_repeated(self, core: Core, processing: UUID) -> None:
        for _ in range(3):
            core.hurry()
            core.complete()
        assert core.stripe.request_counts()["payment_intents.capture"] == 1
        assert core.told()[1:] == []
        core.stripe.finish_capture(core.intent(processing))
        core.settle()
        assert core.outcome("release_payment", "c-release").type == "payment.released"
        check_settled(core)

    def test_it_is_not_told_as_not_done_at_the_deadline(self, core: Core, processing: UUID) -> None:
        core.wait("c-release", hours=2)
        core.complete()
        assert core.told()[1:] == []
        core.stripe.finish_capture(core.intent(processing))
        core.settle()
        assert core.outcome("release_payment", "c-release").type == "payment.released"

    def test_a_capture_that_the_bank_declines_is_told(self, core: Core, processing: UUID) -> None:
        core.stripe.finish_capture(core.intent(processing), succeeded=False)
        core.settle()
        assert core.outcome("release_payment", "c-release").told == "release_payment: payment.failed STRIPE_ERROR"


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
    def test_it_is_let_go_however_often_stripe_refuses(self, core: Core, refusal: dict[str, object]) -> None:
        payment = core.authorize()
        late = core.late_intent(payment)
        core.stripe.fault("refuse", "payment_intents.cancel", times=3, **refusal)
        core.deliver(*core.stripe_events(late))
        core.settle()
        assert [entry.effect for entry in core.stripe.ledger(payment_intent=late)] == ["hold", "cancel"]
        check_settled(core)
