"""Stripe's books of a window: the requests and their retries."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from service.domain.books import Window
from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.gateway import books
from tests.unit.gateway.fake_stripe import (
    TRANSFER,
    Answer,
    FakeStripe,
    error,
    nothing,
    page,
    settings,
)
from tests.unit.gateway.test_entries import MARK, OURS

WINDOW = Window(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
UNREACHABLE = stripe.APIConnectionError("reset")  # type: ignore[no-untyped-call]
REFUSED_KEY = error(401, message="Invalid API Key")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(books.PatientCalls, "sleep", staticmethod(pauses.append))
    return pauses


def reading(stripe_side: FakeStripe) -> books.StripeBooks:
    return books.StripeBooks(settings(), nothing, http_client=stripe_side)


LISTS: dict[str, tuple[Callable[[books.StripeBooks], Any], list[str]]] = {
    "charges": (lambda b: b.charges(WINDOW), ["data.balance_transaction"]),
    "refunds": (lambda b: b.refunds(WINDOW), ["data.charge", "data.balance_transaction"]),
    "transfers": (lambda b: b.transfers(WINDOW), ["data.source_transaction"]),
    "disputes": (lambda b: b.disputes(WINDOW), ["data.charge"]),
    "balance_transactions": (lambda b: b.lines(WINDOW), ["data.source"]),
}


@pytest.mark.parametrize("name", list(LISTS))
def test_each_list_asks_for_its_window_and_its_marks(name: str) -> None:
    stripe_side = FakeStripe(page())
    ask, expanded = LISTS[name]
    assert list(ask(reading(stripe_side))) == []
    (asked,) = stripe_side.asked
    assert (asked.method, asked.path) == ("get", f"/v1/{name}")
    created = {"created[gte]": "1767312000", "created[lt]": "1767398400", "limit": "100"}
    assert asked.params == created | {f"expand[{number}]": path for number, path in enumerate(expanded)}


def test_every_page_is_read() -> None:
    stripe_side = FakeStripe(page(OURS, more=True), page({**OURS, "id": "ch_2"}))
    assert [entry.id for entry in reading(stripe_side).charges(WINDOW)] == ["ch_1", "ch_2"]
    assert stripe_side.asked[1].params["starting_after"] == "ch_1"


class TestPatience:
    @pytest.mark.parametrize(
        "fault",
        [error(429, message="slow down"), error(500, message="oops"), UNREACHABLE],
        ids=["too fast", "a fault of Stripe's", "no connection"],
    )
    def test_passing_fault_is_retried(self, slept: list[float], fault: object) -> None:
        found = list(reading(FakeStripe(fault, fault, page(OURS))).charges(WINDOW))
        assert (len(found), slept) == (1, [0.25, 1.0])

    def test_retry_waits_as_long_as_stripe_asks(self, slept: list[float]) -> None:
        limited = error(429, {"Retry-After": "3"}, message="slow down")
        assert len(list(reading(FakeStripe(limited, page(OURS))).charges(WINDOW))) == 1
        assert slept == [3.0]

    def test_retries_end(self, slept: list[float]) -> None:
        with pytest.raises(StripeUnknownError):
            list(reading(FakeStripe(error(500, message="oops"))).charges(WINDOW))
        assert slept == list(books.PAUSES)

    def test_refused_key_is_not_retried(self, slept: list[float]) -> None:
        with pytest.raises(StripeBusyError):
            list(reading(FakeStripe(REFUSED_KEY)).charges(WINDOW))
        assert slept == []


class TestFinding:
    MISSING = error(404, code="resource_missing", message="No such charge: 'ch_1'")

    @pytest.mark.parametrize(("id_", "path"), [("ch_1", "/v1/charges/ch_1"), ("tr_1", "/v1/transfers/tr_1")])
    def test_charge_or_transfer_is_found_by_its_id(self, id_: str, path: str) -> None:
        stripe_side = FakeStripe(OURS if id_ == "ch_1" else {**TRANSFER, "source_transaction": OURS})
        entry = reading(stripe_side).find(id_)
        assert entry is not None
        assert (entry.id, entry.mark, stripe_side.asked[0].path) == (id_, MARK, path)

    def test_missing_object_is_none(self, slept: list[float]) -> None:
        assert reading(FakeStripe(self.MISSING)).find("ch_1") is None
        with pytest.raises(StripeRefusedError):
            reading(FakeStripe(self.MISSING)).look_at("pi_1")
        assert slept == []

    def test_unreadable_object_is_named(self) -> None:
        with pytest.raises(StripeUnknownError, match="ch_1: amount is no integer"):
            reading(FakeStripe(Answer({**OURS, "amount": "many"}))).find("ch_1")
