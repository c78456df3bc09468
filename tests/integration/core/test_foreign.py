"""Objects of other programs, accounts and modes that name a payment of ours: they change nothing."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from service.domain.stripe_objects import StripeEvent
from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, Core

ORDER = "order-1"
FOREIGN: dict[str, tuple[str, dict[str, str]]] = {
    "another amount": ("foreign_amount", {"amount": "900"}),
    "another currency": ("foreign_amount", {"currency": "usd"}),
    "captured at once": ("foreign_capture_method", {"capture_method": "automatic"}),
    "another order": ("foreign_metadata", {"metadata[order_id]": "order-of-theirs"}),
}


def make_intent(core: Core, payment_id: UUID, changed: Mapping[str, str]) -> str:
    """The id of an intent that another program makes with our payment's id in its metadata."""
    ours = {
        "amount": "1500",
        "currency": "sgd",
        "capture_method": "manual",
        "confirm": "true",
        "payment_method": "pm_card_visa",
        "return_url": "https://shop.example/back",
        "metadata[payment_id]": str(payment_id),
        "metadata[order_id]": ORDER,
    }
    made: str = core.ask_stripe("POST", "payment_intents", {**ours, **changed})["id"]
    return made


def waiting_payment(core: Core) -> UUID:
    """A payment of ours whose own intent waits for its customer."""
    payment = core.authorize(card=CHALLENGED)
    assert core.status(payment) == "REQUIRES_ACTION"
    return payment


def payment_unknown_to_stripe(core: Core) -> UUID:
    """A payment of ours whose authorize has not reached Stripe yet."""
    core.stripe.fault("drop_before", "payment_intents.create", times=None)
    core.stripe.fault("drop_before", "payment_intents.list", times=None)
    payment = core.authorize()
    core.stripe.clear_faults()
    assert core.status(payment) == "INITIATING"
    return payment


@pytest.mark.parametrize("case", FOREIGN)
@pytest.mark.parametrize("make", [waiting_payment, payment_unknown_to_stripe])
def test_intent_that_the_service_would_not_make_is_ignored(core: Core, make: Any, case: str) -> None:
    result, changed = FOREIGN[case]
    payment = make(core)
    intent = make_intent(core, payment, changed)
    before = core.status(payment)
    assert set(core.deliver(*core.stripe_events(intent))) == {result, "ignored"}
    assert (core.status(payment), core.summaries()) == (before, [])
    core.complete()
    assert [entry.effect for entry in core.stripe.ledger(payment_intent=intent)] in (["hold"], ["capture"])


@pytest.mark.parametrize(
    ("result", "envelope"), [("foreign_account", {"account": "acct_other"}), ("foreign_mode", {"livemode": True})]
)
def test_event_of_another_account_or_mode_changes_nothing(core: Core, result: str, envelope: dict[str, Any]) -> None:
    payment = waiting_payment(core)
    core.stripe.finish_challenge(core.intent(payment))
    held = core.stripe_events(core.intent(payment))[-1]
    theirs = core.stripe.send_event(
        held.type, core.ask_stripe("GET", f"payment_intents/{core.intent(payment)}"), **envelope
    )
    assert core.deliver(core.delivered(theirs)) == [result]
    assert (core.status(payment), core.summaries()) == ("REQUIRES_ACTION", [])


def test_look_for_the_intent_skips_an_intent_of_another_program(core: Core) -> None:
    payment = payment_unknown_to_stripe(core)
    theirs = make_intent(core, payment, {"amount": "900"})
    core.wait("c-auth", hours=25)
    core.settle()
    assert core.status(payment) == "FAILED"
    core.settle()
    assert core.intent(payment) != theirs
    assert [entry.effect for entry in core.stripe.ledger(payment_intent=theirs)] == ["hold"]


def event_of(core: Core, intent: str, type_: str) -> StripeEvent:
    """The intent's newest event of this type."""
    return [event for event in core.stripe_events(intent) if event.type == type_][-1]


def test_late_intent_of_the_service_is_canceled(core: Core) -> None:
    payment = core.authorize()
    late = core.late_intent(payment)
    core.deliver(event_of(core, late, "payment_intent.amount_capturable_updated"))
    core.settle()
    assert [entry.effect for entry in core.stripe.ledger(payment_intent=late)] == ["hold", "cancel"]
    check_settled(core)
