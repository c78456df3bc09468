"""The parts of a read: the payment, the customer's next action, a user's totals."""

import threading
from typing import Any, cast

import pytest

from service.domain.payment import Payment, PaymentStatus
from service.storage.reads import CurrencyTotals, Reads
from service.usecases.queries import PaymentQueries
from tests.unit.api.fakes import PAYMENT_ID, a_payment

ACTION = {"type": "use_stripe_sdk", "client_secret": "pi_1_secret_x"}


class FakeReads:
    def __init__(self, payment: Payment | None, totals: list[CurrencyTotals]) -> None:
        self.payment, self.totals = payment, totals

    def latest_of_order(self, _: str) -> Payment | None:
        return self.payment

    def by_id(self, _: object) -> Payment | None:
        return self.payment

    def history_of(self, _: str) -> list[CurrencyTotals]:
        return self.totals


class FakeStripe:
    """Answers once ``let_go`` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.entered, self.let_go = threading.Semaphore(0), threading.Event()
        self.let_go.set()

    def next_action(self, intent_id: str) -> dict[str, Any] | None:
        self.asked.append(intent_id)
        self.entered.release()
        assert self.let_go.wait(30)
        return dict(ACTION)


def _queries(
    payment: Payment | None = None, totals: list[CurrencyTotals] | None = None, *, stripe: FakeStripe, at_once: int = 1
) -> PaymentQueries:
    reads = cast("Reads", FakeReads(payment, totals or []))
    return PaymentQueries(reads, stripe, default_currency="sgd", at_stripe_once=at_once)


@pytest.mark.parametrize("status", [status for status in PaymentStatus if status is not PaymentStatus.REQUIRES_ACTION])
def test_stripe_is_asked_only_if_the_customer_must_act(status: PaymentStatus) -> None:
    stripe = FakeStripe()
    view = _queries(a_payment(status=status), stripe=stripe).by_id(PAYMENT_ID)
    assert view is not None
    assert view.next_action is None
    assert stripe.asked == []


def test_stripe_is_asked_at_each_read() -> None:
    stripe = FakeStripe()
    queries = _queries(a_payment(status=PaymentStatus.REQUIRES_ACTION), stripe=stripe)
    views = [queries.latest_of_order("o"), queries.by_id(PAYMENT_ID)]
    assert [view and view.next_action for view in views] == [ACTION, ACTION]
    assert stripe.asked == ["pi_1", "pi_1"]


def test_next_action_is_unavailable_without_an_intent() -> None:
    stripe = FakeStripe()
    payment = a_payment(status=PaymentStatus.REQUIRES_ACTION, stripe_payment_intent_id=None)
    view = _queries(payment, stripe=stripe).by_id(PAYMENT_ID)
    assert view is not None
    assert view.next_action == {"type": "unavailable"}


def test_slow_stripe_does_not_occupy_all_threads() -> None:
    stripe = FakeStripe()
    stripe.let_go.clear()
    queries = _queries(a_payment(status=PaymentStatus.REQUIRES_ACTION), stripe=stripe, at_once=2)
    waiting = [threading.Thread(target=queries.by_id, args=(PAYMENT_ID,)) for _ in range(2)]
    for thread in waiting:
        thread.start()
    assert all(stripe.entered.acquire(timeout=30) for _ in waiting)
    third = queries.by_id(PAYMENT_ID)
    stripe.let_go.set()
    for thread in waiting:
        thread.join()
    fourth = queries.by_id(PAYMENT_ID)
    assert third is not None
    assert third.next_action == {"type": "unavailable"}
    assert fourth is not None
    assert fourth.next_action == ACTION


SGD = CurrencyTotals("sgd", 10, 20, 1, 2)
USD = CurrencyTotals("usd", 300, 400, 3, 4)
EUR = CurrencyTotals("eur", 5000, 6000, 5, 6)


@pytest.mark.parametrize(
    ("totals", "currency", "spent", "earned", "counts"),
    [
        ([], "sgd", 0, 0, (0, 0)),
        ([SGD], "sgd", 10, 20, (1, 2)),
        ([USD], "usd", 300, 400, (3, 4)),
        ([SGD, USD], "sgd", 10, 20, (4, 6)),
        ([EUR, USD], "sgd", 0, 0, (8, 10)),
    ],
)
def test_totals_cover_one_currency_and_counts_cover_all(
    totals: list[CurrencyTotals], currency: str, spent: int, earned: int, counts: tuple[int, int]
) -> None:
    history = _queries(totals=totals, stripe=FakeStripe()).history_of("u")
    assert (history.currency, history.total_spent, history.total_earned) == (currency, spent, earned)
    assert (history.spent_count, history.earned_count) == counts
    assert history.by_currency == totals
