"""Events that change nothing by themselves: warnings, reviews and accounts are noted."""

from uuid import UUID

import pytest

from service.wiring import sweeping
from tests.support.core import RUNNER, Core


def _heard(core: Core, event_type: str) -> dict[str, object]:
    """The only inbox row with this type of event; fails if there are more."""
    (found,) = core.sql("SELECT * FROM stripe_events WHERE type = :t", t=event_type)
    return found


def test_fraud_warnings_and_reviews_are_in_the_timeline_of_their_payment(core: Core, released: UUID) -> None:
    before, charge = core.payment(released), core.payment(released)["stripe_charge_id"]
    core.stripe.warn_of_fraud(charge)
    core.stripe.close_review(core.stripe.open_review(charge)["id"])
    core.hear()
    for event_type in ("radar.early_fraud_warning.created", "review.opened", "review.closed"):
        found = _heard(core, event_type)
        assert (found["result"], found["payment_id"]) == ("noted", released), event_type
    assert core.payment(released) == before


@pytest.mark.parametrize(
    ("change", "event_type"),
    [({"transfers": False}, "account.updated"), ({"revoked": True}, "account.application.deauthorized")],
)
def test_changes_of_a_runners_account_are_noted(
    core: Core, released: UUID, change: dict[str, bool], event_type: str
) -> None:
    core.stripe.change_account(RUNNER, **change)
    core.hear()
    assert _heard(core, event_type)["result"] == "noted"


def test_partially_funded_intent_causes_a_look(core: Core) -> None:
    payment = core.authorize()
    intent = core.ask_stripe("GET", f"payment_intents/{core.intent(payment)}")
    event = core.delivered(core.stripe.send_event("payment_intent.partially_funded", intent))
    assert core.deliver(event) == ["look"]


@pytest.mark.parametrize("late", ["processing", "requires_action"])
def test_late_event_of_a_waiting_intent_changes_nothing(core: Core, late: str) -> None:
    payment = core.authorize()
    core.hear()
    before = core.payment(payment)
    intent = core.ask_stripe("GET", f"payment_intents/{core.intent(payment)}")
    event = core.delivered(core.stripe.send_event(f"payment_intent.{late}", {**intent, "status": late}))
    assert core.deliver(event) == ["no_change"]
    assert core.payment(payment) == before


def test_authorize_and_release_make_three_calls_and_no_look(core: Core) -> None:
    core.release(core.authorize())
    assert core.stripe.request_counts() == {
        "payment_intents.create": 1,
        "payment_intents.capture": 1,
        "transfers.create": 1,
    }


def test_payment_that_failed_without_an_intent_agrees(core: Core) -> None:
    core.stripe.fault("refuse", "payment_intents.create", code="parameter_invalid_empty")
    payment = core.authorize()
    row = core.payment(payment)
    assert (row["status"], row["stripe_payment_intent_id"]) == ("FAILED", None)
    with sweeping(core.settings) as sweep:
        assert sweep.examine(payment, dry_run=False).result == "agrees"
