"""Every method of the gateway against a Stripe with state."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from devstack.stripe_simulator.client import FaultKind, SimulatorControl
from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.domain.stripe_objects import Charge, Intent, IntentStatus, Refund, Reversal, Transfer, TransferRequest
from service.gateway.stripe_gateway import StripeGateway
from tests.integration.gateway.conftest import MakeGateway
from tests.unit.gateway.fake_stripe import HOLD, any_intent

CARD = replace(HOLD, payment_method_id="pm_card_visa")
CHALLENGED = replace(HOLD, payment_method_id="pm_card_authenticationRequired")
BACK = "https://shop.example/back"


@pytest.fixture
def since() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=10)


def captured(gateway: StripeGateway, payment_method: str = "pm_card_visa") -> Intent:
    intent = gateway.create_intent(replace(HOLD, payment_method_id=payment_method), "create")
    return gateway.capture(intent.id, "capture")


def payout(intent: Intent) -> TransferRequest:
    assert intent.charge_id is not None
    return TransferRequest(
        payment_id=HOLD.payment_id,
        order_id=HOLD.order_id,
        amount=intent.amount,
        currency=intent.currency,
        destination="acct_runner",
        charge_id=intent.charge_id,
    )


def test_every_step_of_a_payment_works_at_stripe(gateway: StripeGateway, simulator: SimulatorControl) -> None:
    held = gateway.create_intent(CARD, "create")
    assert (held.status, held.amount, held.currency) == (IntentStatus.REQUIRES_CAPTURE, 2000, "sgd")
    assert (held.capture_method, held.payment_id) == ("manual", HOLD.payment_id)
    shown = gateway.retrieve_intent(held.id)
    assert replace(shown, charge=None) == held
    assert shown.charge is not None
    assert replace(shown.charge, created_at=None) == Charge(held.charge_id or "", refunded=0, disputed=False)

    taken = gateway.capture(held.id, "capture")
    assert (taken.status, taken.charge_id) == (IntentStatus.SUCCEEDED, held.charge_id)

    request = payout(taken)
    assert gateway.find_transfer(request) is None
    sent = gateway.transfer(request, "transfer")
    assert sent == gateway.find_transfer(request)
    assert replace(sent, created_at=None) == Transfer(
        sent.id, 2000, "sgd", "acct_runner", taken.charge_id, HOLD.payment_id
    )
    assert gateway.find_transfer(replace(request, destination="acct_other")) == sent

    assert gateway.find_reversal(sent.id) is None
    reversal = gateway.reverse_transfer(sent.id, "reverse", HOLD.payment_id)
    assert replace(reversal, created_at=None) == Reversal(reversal.id, 2000, "sgd", HOLD.payment_id)
    assert gateway.find_reversal(sent.id) == reversal
    assert gateway.find_transfer(request) == replace(sent, reversals=(reversal,))

    assert gateway.find_refund(held.id) is None
    refund = gateway.refund(held.id, "refund", "duplicate", HOLD.payment_id)
    assert refund == gateway.find_refund(held.id)
    made = Refund(refund.id, 2000, "sgd", "succeeded", "duplicate", HOLD.payment_id, intent_id=held.id)
    assert replace(refund, created_at=None) == made
    effects = [(entry.effect, entry.amount, entry.idempotency_key) for entry in simulator.ledger()]
    assert effects == [
        ("hold", 2000, "create"),
        ("capture", 2000, "capture"),
        ("transfer", 2000, "transfer"),
        ("reversal", 2000, "reverse"),
        ("refund", 2000, "refund"),
    ]


def test_hold_is_canceled_at_stripe(gateway: StripeGateway, simulator: SimulatorControl) -> None:
    held = gateway.create_intent(CARD, "create")
    assert gateway.cancel(held.id, "cancel", "changed her mind").status is IntentStatus.CANCELED
    assert [entry.effect for entry in simulator.ledger()] == ["hold", "cancel"]


def test_repeated_idempotency_key_has_one_effect(gateway: StripeGateway, simulator: SimulatorControl) -> None:
    assert gateway.create_intent(CARD, "k") == gateway.create_intent(CARD, "k")
    assert len(simulator.ledger()) == 1
    with pytest.raises(StripeUnknownError) as caught:
        gateway.create_intent(replace(CARD, amount=3000), "k")
    assert caught.value.stored


def test_declined_card_has_intent_and_reason(gateway: StripeGateway, since: datetime) -> None:
    poor = replace(HOLD, payment_method_id="pm_card_visa_chargeDeclinedInsufficientFunds")
    with pytest.raises(StripeRefusedError) as caught:
        gateway.create_intent(poor, "create")
    refused = caught.value
    assert (refused.kind, refused.stripe_code) == ("card_error", "insufficient_funds")
    found = gateway.find_intent(HOLD.payment_id, HOLD.stripe_customer_id, since, any_intent)
    assert found is not None
    assert (found.id, found.status) == (refused.intent_id, IntentStatus.REQUIRES_PAYMENT_METHOD)
    assert found.error is not None
    assert (found.error.kind, found.error.decline_code) == ("card_error", "insufficient_funds")


@pytest.mark.parametrize("return_url", [BACK, None])
def test_3d_secure_is_possible_with_and_without_return_url(
    gateway: StripeGateway, simulator: SimulatorControl, return_url: str | None
) -> None:
    intent = gateway.create_intent(replace(CHALLENGED, return_url=return_url), "create")
    assert intent.status is IntentStatus.REQUIRES_ACTION
    action = gateway.next_action(intent.id)
    assert action is not None
    if return_url:
        assert action["type"] == "redirect_to_url"
        assert action["redirect_url"].startswith("http")
    else:
        assert action["type"] == "use_stripe_sdk"
        assert action["client_secret"].startswith(f"{intent.id}_secret_")
    simulator.finish_challenge(intent.id)
    assert gateway.next_action(intent.id) is None
    assert gateway.retrieve_intent(intent.id).status is IntentStatus.REQUIRES_CAPTURE


@pytest.mark.parametrize("customer", ["cus_1", None])
@pytest.mark.parametrize(("kind", "stored"), [("drop_after", False), ("error_after", True)])
def test_step_with_a_lost_answer_is_found(
    gateway: StripeGateway,
    simulator: SimulatorControl,
    since: datetime,
    kind: FaultKind,
    stored: bool,
    customer: str | None,
) -> None:
    for n in range(3):
        gateway.create_intent(replace(CARD, payment_id=f"other-{n}", stripe_customer_id=customer), f"other-{n}")
    simulator.fault(kind, "payment_intents.create")
    wanted = replace(CARD, stripe_customer_id=customer)
    with pytest.raises(StripeUnknownError) as caught:
        gateway.create_intent(wanted, "k")
    assert caught.value.stored is stored
    found = gateway.find_intent(HOLD.payment_id, customer, since, any_intent)
    assert found is not None
    assert found.status is IntentStatus.REQUIRES_CAPTURE
    if stored:
        with pytest.raises(StripeUnknownError):
            gateway.create_intent(wanted, "k")
    else:
        assert gateway.create_intent(wanted, "k") == found


@pytest.mark.parametrize("kind", ["drop_before", "error_before"])
def test_step_that_was_not_done_is_not_found(
    gateway: StripeGateway, simulator: SimulatorControl, since: datetime, kind: FaultKind
) -> None:
    simulator.fault(kind, "payment_intents.create")
    with pytest.raises(StripeUnknownError):
        gateway.create_intent(CARD, "k")
    assert gateway.find_intent(HOLD.payment_id, None, since, any_intent) is None


def test_intent_is_found_among_many_others(
    gateway: StripeGateway, simulator: SimulatorControl, since: datetime
) -> None:
    simulator.options(search_lag=3600.0)  # the lists count here
    wanted = gateway.create_intent(CARD, "k")
    for n in range(105):
        gateway.create_intent(replace(CARD, payment_id=f"other-{n}"), f"other-{n}")
    assert gateway.find_intent(HOLD.payment_id, "cus_1", since, any_intent) == wanted
    assert gateway.find_intent(HOLD.payment_id, "cus_1", since + timedelta(days=1), any_intent) is None


@pytest.mark.parametrize("kind", ["rate_limit", "lock_timeout", "conflict"])
def test_busy_answer_means_no_effect(gateway: StripeGateway, simulator: SimulatorControl, kind: FaultKind) -> None:
    given = {} if kind == "conflict" else {"retry_after": 3.0}
    simulator.fault(kind, "payment_intents.create", **given)
    with pytest.raises(StripeBusyError) as caught:
        gateway.create_intent(CARD, "k")
    assert caught.value.retry_after == given.get("retry_after")
    assert simulator.ledger() == []
    assert gateway.create_intent(CARD, "k").status is IntentStatus.REQUIRES_CAPTURE


def test_late_answer_has_an_unknown_outcome(simulator: SimulatorControl, make_gateway: MakeGateway) -> None:
    simulator.fault("latency_after", "payment_intents.create", seconds=0.5)
    with pytest.raises(StripeUnknownError) as caught:
        make_gateway(simulator.base_url, seconds=0.2).create_intent(CARD, "k")
    assert caught.value.stored is False
    patient = make_gateway(simulator.base_url)
    while True:
        try:
            assert patient.create_intent(CARD, "k").status is IntentStatus.REQUIRES_CAPTURE
        except StripeBusyError:
            continue
        break
    assert len(simulator.ledger("hold")) == 1


def test_partial_dashboard_refund_does_not_count_as_the_services_refund(
    gateway: StripeGateway, simulator: SimulatorControl
) -> None:
    intent = captured(gateway)
    simulator.dashboard("refund", intent.id, amount=500)
    assert gateway.find_refund(intent.id) is None
    rest = gateway.refund(intent.id, "refund", "", HOLD.payment_id)
    assert gateway.find_refund(intent.id) == rest
    assert [entry.amount for entry in simulator.ledger("refund")] == [500, 1500]


def test_refund_returned_by_the_bank_does_not_count(gateway: StripeGateway, simulator: SimulatorControl) -> None:
    intent = captured(gateway, "pm_card_refundFail")
    assert gateway.refund(intent.id, "refund", "", HOLD.payment_id) == gateway.find_refund(intent.id)
    simulator.settle_refunds()
    assert gateway.find_refund(intent.id) is None


def test_sixty_four_threads_share_one_gateway(gateway: StripeGateway, simulator: SimulatorControl) -> None:
    simulator.traffic(latency_before=0.02)

    def pay(n: int) -> str | None:
        return gateway.create_intent(replace(CARD, payment_id=f"p-{n}"), f"k-{n}").payment_id

    with ThreadPoolExecutor(64) as threads:
        paid = list(threads.map(pay, range(256)))
    assert paid == [f"p-{n}" for n in range(256)]
    assert Counter(entry.metadata["payment_id"] for entry in simulator.ledger("hold")) == Counter(paid)


def test_rate_limited_account_gets_slower_requests_and_all_succeed(
    gateway: StripeGateway, simulator: SimulatorControl
) -> None:
    simulator.traffic(rate_limit=25)
    refused = 0

    def pay(n: int) -> None:
        nonlocal refused
        while True:
            try:
                gateway.create_intent(replace(CARD, payment_id=f"p-{n}"), f"k-{n}")
            except StripeBusyError:
                refused += 1
            else:
                return

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(pay, range(80)))
    assert len(simulator.ledger("hold")) == 80
    assert refused < 40
