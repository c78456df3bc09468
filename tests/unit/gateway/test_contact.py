"""Readiness and metrics show an outage of Stripe, and ignore a single lost request."""

import contextlib

import stripe

from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
from service.gateway.contact import Contact
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
        told = contact.fault()
        assert told is not None
        assert told.startswith("stripe: no answer for 45 s: ")
        _ask(side)
        assert (contact.fault(), contact.silent_for()) == (None, 0.0)


def test_a_refusal_is_an_answer() -> None:
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


def test_requests_lost_at_one_moment_are_no_outage() -> None:
    """A frozen process loses all its connections at once, and other processes take its work over."""
    side, contact, clock = _watched(NO_ANSWER, NO_ANSWER, NO_ANSWER)
    for _ in range(3):
        _ask(side)
        clock.now += 0.1
    clock.now += 30
    assert (contact.fault(), contact.silent_for()) == (None, 0.0)
