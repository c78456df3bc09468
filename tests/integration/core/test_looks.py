"""Looks after events that cannot be applied by themselves, and looks that restore lost facts."""

from typing import Any

import pytest

from tests.integration.core.invariants import books_agree
from tests.support.core import Core, OpenCore
from tests.support.emptying import UNGUARDED

FORMS: dict[str, dict[str, Any]] = {
    "a status new to us": {"status": "requires_patience"},
    "an amount that is no number": {"amount": None},
    "an older version's charges": {"latest_charge": None},
}


@pytest.mark.parametrize("form", FORMS)
def test_event_that_cannot_be_applied_is_followed_by_a_look(core: Core, form: str) -> None:
    payment = core.authorize()
    core.stripe.dashboard("capture", core.intent(payment), amount_to_capture=400)
    intent = core.ask_stripe("GET", f"payment_intents/{core.intent(payment)}")
    event = core.stripe.send_event("payment_intent.succeeded", {**intent, **FORMS[form]})
    assert core.deliver(core.delivered(event)) != ["refused"]
    assert core.payment(payment)["look_at"] is not None
    core.settle()
    assert (core.payment(payment)["captured"], core.payment(payment)["look_at"]) == (400, None)
    books_agree(core, core.payment(payment))


def test_event_during_a_step_waits_for_the_step_to_be_recorded(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    row = core.payment(payment)
    again = "state = 'pending', completed_at = NULL, outcome = NULL, next_attempt_at = now()"
    core.sql(f"{UNGUARDED}; UPDATE commands SET {again}")
    event = core.stripe.send_event("transfer.created", {"id": "tr_other", "object": "transfer", "amount": 1,
        "currency": "sgd", "destination": "acct_x", "source_transaction": row["stripe_charge_id"]})  # fmt: skip
    assert core.deliver(core.delivered(event)) == ["look"]
    (due,) = core.sql("SELECT look_at > now() + interval '2 seconds' AS later FROM payments")
    assert due["later"]


def test_unanswered_look_is_due_again(core: Core) -> None:
    payment = core.authorize()
    core.release(payment)
    core.stripe.dashboard("refund", core.intent(payment), amount=300)
    core.deliver(*core.owed())
    core.stripe.fault("drop_before", "*")
    core.hurry()
    core.complete()
    (due,) = core.sql("SELECT look_at > now() AS later FROM payments")
    assert (due["later"], core.payment(payment)["refunded"]) == (True, 0)
    core.settle()
    assert core.payment(payment)["refunded"] == 300


@pytest.mark.parametrize("reverted", [False, True], ids=["release", "revert"])
def test_restored_database_learns_lost_movements_from_stripe(new_database: OpenCore, reverted: bool) -> None:
    with new_database() as before:
        payment = before.authorize()
        before.release(payment)
        if reverted:
            before.revert(payment)
    with new_database() as after:
        assert after.authorize() == payment
        after.hear()
        row = after.payment(payment)
        assert row["status"] == ("REVERTED" if reverted else "SUCCEEDED")
        books_agree(after, row)
        after.release(payment, "c-release")
        summary = after.outcome("release_payment", "c-release").summary.partition(": ")[2]
        assert summary == ("payment.failed INVALID_STATE" if reverted else "payment.released SUCCEEDED")
        after.revert(payment, "c-revert")
        assert after.outcome("revert_payment", "c-revert").type == "payment.reverted"
        assert len(after.stripe.ledger("transfer")) == len(after.stripe.ledger("refund")) == 1
        books_agree(after, after.payment(payment))
