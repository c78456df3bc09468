"""The next action of a customer."""

import threading
from typing import Any

import pytest
import stripe

from service.gateway import stripe_gateway
from tests.unit.gateway.fake_stripe import INTENT, Answer, FakeStripe, error, gateway

ACTION = {**INTENT, "status": "requires_action", "latest_charge": None}
REDIRECT = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/3ds", "return_url": "x"}}
SDK = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
BY_SECRET = {"type": "use_stripe_sdk", "client_secret": "pi_1_secret_AbC123"}


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        ({**ACTION, "next_action": REDIRECT}, {"type": "redirect_to_url", "redirect_url": "https://bank.example/3ds"}),
        ({**ACTION, "next_action": SDK}, BY_SECRET),
        ({**ACTION, "status": "requires_confirmation"}, BY_SECRET),
        (INTENT, None),
        ({**INTENT, "status": "canceled"}, None),
    ],
    ids=["redirect", "sdk", "to confirm", "held", "canceled"],
)
def test_next_action_of_the_customer(intent: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert gateway(FakeStripe(intent)).next_action("pi_1") == expected


@pytest.mark.parametrize(
    "answer",
    [
        stripe.APIConnectionError("no answer"),  # type: ignore[no-untyped-call]
        error(500, message="m"),
        error(429, message="m"),
        error(404, message="m"),
        error(401, message="m"),
        Answer(b"<html>"),
        {**ACTION, "status": "odd"},
        {**ACTION, "next_action": REDIRECT | {"redirect_to_url": None}},
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_fault_of_stripe_does_not_fail_the_read(answer: object) -> None:
    assert gateway(FakeStripe(answer)).next_action("pi_1") == {"type": "unavailable"}


def test_read_waits_at_most_two_seconds_for_stripe(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    class Hanging(FakeStripe):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            released.wait(60)
            return super().request(*args, **kwargs)

    monkeypatch.setattr(stripe_gateway, "NEXT_ACTION_SECONDS", 0.01)
    try:
        assert gateway(Hanging(ACTION)).next_action("pi_1") == {"type": "unavailable"}
    finally:
        released.set()
