"""stripe-python works with the simulator as it works with Stripe."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe
import urllib3

from devstack.stripe_simulator.client import ControlError, FaultKind, SimulatorControl
from tests.integration.stripe_simulator.buyer import authorization, authorize


def test_library_can_pay_transfer_reverse_and_refund(client: stripe.StripeClient, control: SimulatorControl) -> None:
    intent = authorize(client)
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 2000)
    captured = client.v1.payment_intents.capture(intent.id, {"expand": ["latest_charge"]})
    charge = captured.latest_charge
    assert isinstance(charge, stripe.Charge)
    transfer = client.v1.transfers.create(
        {
            "amount": 2000,
            "currency": "sgd",
            "destination": "acct_runner",
            "source_transaction": charge.id,
            "transfer_group": "order-1",
        }
    )
    client.v1.transfers.reversals.create(transfer.id, {"amount": 2000})
    client.v1.refunds.create({"payment_intent": intent.id, "reason": "requested_by_customer"})
    assert [row.id for row in client.v1.transfers.list({"transfer_group": "order-1"}).data] == [transfer.id]
    assert client.v1.charges.retrieve(charge.id).refunded is True
    effects = [(entry.effect, entry.amount, entry.payment_intent) for entry in control.ledger()]
    assert effects == [(name, 2000, intent.id) for name in ("hold", "capture", "transfer", "reversal", "refund")]
    assert [entry.effect for entry in control.ledger(effect="refund")] == ["refund"]


def test_errors_arrive_as_the_librarys_exceptions(client: stripe.StripeClient, control: SimulatorControl) -> None:
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.create(authorization("pm_card_visa_chargeDeclinedInsufficientFunds"))
    error = declined.value.error
    assert error is not None
    assert (declined.value.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    intent = client.v1.payment_intents.retrieve(error.payment_intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="could not be captured") as state:
        client.v1.payment_intents.capture(intent.id)
    assert state.value.code == "payment_intent_unexpected_state"
    authorize(client)
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create(authorization("pm_card_amex"), {"idempotency_key": "authorize"})
    answers: list[tuple[FaultKind, type[stripe.StripeError]]] = [
        ("rate_limit", stripe.RateLimitError),
        ("conflict", stripe.APIError),
    ]
    for kind, expected in answers:
        control.fault(kind, "balance.*")
        with pytest.raises(expected):
            client.v1.balance.retrieve()
    wrong = stripe.StripeClient("sk_live_nope", base_addresses={"api": control.base_url})
    with pytest.raises(stripe.AuthenticationError):
        wrong.v1.balance.retrieve()


@pytest.mark.parametrize(("kind", "done"), [("drop_after", True), ("drop_before", False)])
def test_dropped_connection_does_not_reveal_the_effect(
    client: stripe.StripeClient, control: SimulatorControl, kind: FaultKind, done: bool
) -> None:
    control.fault(kind, "payment_intents.create")
    with pytest.raises(stripe.APIConnectionError):
        authorize(client)
    assert bool(control.ledger()) is done
    intent = authorize(client)
    response = intent.last_response
    assert response is not None
    assert ("Idempotent-Replayed" in response.headers) is done
    assert [entry.payment_intent for entry in control.ledger()] == [intent.id]
    log = control.requests("payment_intents.create")
    assert [(row["idempotency_key"], row["dropped"], row["replayed"]) for row in log] == [
        ("authorize", True, False),
        ("authorize", False, done),
    ]


def test_slow_request_delays_only_requests_with_its_key(client: stripe.StripeClient, control: SimulatorControl) -> None:
    """A request with the key of a running request is refused as a conflict. Other requests are not delayed."""
    control.fault("latency_before", "payment_intents.create", seconds=30.0)
    with ThreadPoolExecutor(1) as pool:
        short = stripe.StripeClient(
            "sk_test_a", base_addresses={"api": control.base_url}, http_client=stripe.RequestsClient(timeout=1)
        )
        slow = pool.submit(authorize, short, "slow")
        with pytest.raises(stripe.APIConnectionError):
            slow.result()
    with pytest.raises(stripe.APIError) as conflict:
        authorize(client, "slow")
    assert conflict.value.http_status == 409
    assert authorize(client, "other").status == "requires_capture"


def test_library_can_search_and_page(client: stripe.StripeClient, control: SimulatorControl) -> None:
    ids = [authorize(client, f"k{number}").id for number in range(3)]
    control.advance(1)
    found = client.v1.payment_intents.search({"query": "metadata['payment_id']:'p1'"})
    assert {intent.id for intent in found.data} == set(ids)
    paged = client.v1.payment_intents.list({"limit": 2}).auto_paging_iter()
    assert [intent.id for intent in paged] == ids[::-1]


def test_customer_passes_three_d_secure_by_url(client: stripe.StripeClient, control: SimulatorControl) -> None:
    http = urllib3.PoolManager()
    statuses = []
    for outcome in ("succeed", "fail"):
        intent = client.v1.payment_intents.create(authorization("pm_card_threeDSecure2Required"))
        assert intent.next_action is not None
        assert intent.next_action.redirect_to_url is not None
        url = str(intent.next_action.redirect_to_url.url)
        page = http.request("GET", url, headers={"Accept": "text/html"})
        assert b"<form" in page.data
        done = http.request("POST" if outcome == "fail" else "GET", f"{url}?outcome={outcome}").json()
        assert done["return_url"].startswith("https://shop.example/back?payment_intent=")
        statuses.append(client.v1.payment_intents.retrieve(intent.id).status)
        assert http.request("POST", url).status == 400
    assert statuses == ["requires_capture", "requires_payment_method"]
    assert http.request("GET", f"{control.base_url}/3d_secure/pi_none").status == 404


def test_control_refuses_invalid_instructions(control: SimulatorControl) -> None:
    with pytest.raises(ControlError):
        control.traffic(speed=9.0)
    with pytest.raises(ControlError):
        control.advance(-1)
    with pytest.raises(ControlError):
        control.dashboard("capture", "pi_none")


def test_dashboard_actions_and_clock_work_over_http(client: stripe.StripeClient, control: SimulatorControl) -> None:
    captured, expiring = authorize(client, "a"), authorize(client, "b")
    control.dashboard("capture", captured.id)
    before = control.now()
    control.advance(8 * 86400)
    assert control.now() - before >= 8 * 86400
    assert client.v1.payment_intents.retrieve(captured.id).status == "succeeded"
    assert client.v1.payment_intents.retrieve(expiring.id).cancellation_reason == "automatic"
    assert [entry.by for entry in control.ledger()] == ["api", "api", "dashboard", "stripe"]


def test_transfers_need_registered_accounts_and_funds(client: stripe.StripeClient, control: SimulatorControl) -> None:
    control.options(registered_accounts_only=True)
    intent = client.v1.payment_intents.capture(authorize(client).id)
    source = str(intent.latest_charge)

    def transfer() -> stripe.Transfer:
        return client.v1.transfers.create({"currency": "sgd", "destination": "acct_new", "source_transaction": source})

    with pytest.raises(stripe.InvalidRequestError, match="No such destination"):
        transfer()
    control.register_account("acct_new")
    made = transfer()
    control.pay_out("acct_new")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.reversals.create(made.id)
    assert refused.value.code == "balance_insufficient"
