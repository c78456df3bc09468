"""Readiness and metrics show an outage of Stripe, and ignore a single lost request."""

import contextlib

import pytest
import stripe
from prometheus_client import REGISTRY

from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.gateway.calls import operation_of
from service.gateway.contact import Contact, Result
from service.gateway.stripe_gateway import StripeGateway
from tests.unit.gateway.fake_stripe import INTENT, FakeStripe, error, nothing, settings


class Clock:
    """A clock that only the test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _ask(stripe_side: StripeGateway) -> None:
    with contextlib.suppress(StripeUnknownError, StripeBusyError, StripeRefusedError):
        stripe_side.retrieve_intent("pi_1")


def _watched(*answers: object) -> tuple[StripeGateway, Contact, Clock]:
    clock = Clock()
    contact = Contact(clock)
    side = StripeGateway(settings(), nothing, http_client=FakeStripe(*answers), contact=contact)
    return side, contact, clock


NO_ANSWER = stripe.APIConnectionError("no route")  # type: ignore[no-untyped-call]
BROKEN = error(500, type="api_error", message="Sorry.")
KEY_REFUSED = error(401, type="invalid_request_error", message="Invalid API Key provided")
REFUSED = error(400, type="invalid_request_error", message="No.")


def test_requests_unanswered_for_a_while_are_a_fault() -> None:
    for failing in (NO_ANSWER, BROKEN, KEY_REFUSED):
        side, contact, clock = _watched(failing, failing, INTENT)
        _ask(side)
        assert contact.fault() is None
        clock.now += 45
        _ask(side)
        fault = contact.fault()
        assert fault is not None
        assert fault.startswith("stripe: no answer for 45 s: ")
        _ask(side)
        assert (contact.fault(), contact.silent_for()) == (None, 0.0)


def test_refusal_counts_as_an_answer() -> None:
    side, contact, clock = _watched(NO_ANSWER, REFUSED)
    _ask(side)
    clock.now += 45
    _ask(side)
    assert contact.fault() is None


def test_outage_is_forgotten_without_further_requests() -> None:
    side, contact, clock = _watched(NO_ANSWER, NO_ANSWER)
    _ask(side)
    clock.now += 6
    _ask(side)
    clock.now += 80
    assert contact.fault() is not None
    clock.now += 20
    assert contact.fault() is None


def test_requests_lost_at_the_same_moment_are_no_outage() -> None:
    """A frozen process loses all its connections at once, and other processes take its work over."""
    side, contact, clock = _watched(NO_ANSWER, NO_ANSWER, NO_ANSWER)
    for _ in range(3):
        _ask(side)
        clock.now += 0.1
    clock.now += 30
    assert (contact.fault(), contact.silent_for()) == (None, 0.0)


def test_waiting_requests_count_as_silence_before_one_fails() -> None:
    clock = Clock()
    contact = Contact(clock)
    first = contact.begin("payment_intents", "payment_intents.create")
    clock.now += 4
    contact.begin("transfers", "transfers.create")
    clock.now += 8
    assert (contact.silent_for(), contact.waiting) == (12, 2)
    assert contact.fault() == "stripe: no answer for 12 s: requests wait"
    contact.answered(first)
    assert (contact.silent_for(), contact.waiting, contact.fault()) == (0, 1, None)
    clock.now += 3
    assert contact.silent_for() == 3


def test_simultaneous_time_outs_do_not_end_a_silence() -> None:
    clock = Clock()
    contact = Contact(clock, longest=20)
    for _ in range(3):
        waiting = [contact.begin("refunds", "refunds.create") for _ in range(30)]
        clock.now += 20
        for request in waiting:
            contact.failed(request, "APIConnectionError", Result.NO_ANSWER, "no answer")
        clock.now += 1
    assert contact.silent_for() == 63


def test_time_outs_of_a_frozen_process_do_not_count_as_silence() -> None:
    clock = Clock()
    contact = Contact(clock, longest=20)
    waiting = [contact.begin("refunds", "refunds.create") for _ in range(3)]
    clock.now += 60
    for request in waiting:
        contact.failed(request, "APIConnectionError", Result.NO_ANSWER, "no answer")
    clock.now += 1
    assert (contact.silent_for(), contact.fault()) == (0, None)


def test_requests_are_counted_by_operation_and_result() -> None:
    results = {"ok": INTENT, "refused": REFUSED, "server_error": BROKEN, "key_refused": KEY_REFUSED}
    results |= {"no_answer": NO_ANSWER, "rate_limited": error(429, message="Slower."), "conflict": error(409)}
    before = {result: _count(result) for result in results}
    side, _, _ = _watched(*results.values())
    for _ in results:
        _ask(side)
    assert {result: _count(result) - before[result] for result in results} == dict.fromkeys(results, 1)


def _count(result: str) -> float:
    labels = {"operation": "payment_intents.retrieve", "result": result}
    return REGISTRY.get_sample_value("payment_stripe_calls_total", labels) or 0.0


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("post", ("payment_intents",), "payment_intents.create"),
        ("get", ("payment_intents", "pi_1"), "payment_intents.retrieve"),
        ("get", ("payment_intents", "search"), "payment_intents.search"),
        ("post", ("payment_intents", "pi_1", "capture"), "payment_intents.capture"),
        ("get", ("transfers",), "transfers.list"),
        ("post", ("transfers", "tr_1", "reversals"), "transfers.reversals.create"),
        ("get", ("transfers", "tr_1", "reversals"), "transfers.reversals.list"),
    ],
)
def test_an_operation_has_stripes_name_and_no_id(method: str, path: tuple[str, ...], operation: str) -> None:
    assert operation_of(method, path) == operation
