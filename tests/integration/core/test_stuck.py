"""Situations in which a command could wait for itself or for another one forever."""

import pytest

from devstack.stripe_simulator.client import FaultKind
from tests.integration.core.hooked_gateway import HookedGateway
from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, DECLINED, VISA, Core


def test_release_before_a_revert_does_not_block_while_the_hold_ends(core: Core) -> None:
    payment = core.authorize()
    core.stripe.fault("lock_timeout", "payment_intents.capture")
    core.release(payment)
    core.revert(payment)
    core.stripe.dashboard("cancel", core.intent(payment))
    core.deliver_all(payment)
    core.settle()
    assert core.summaries()[1:] == [
        "release_payment: payment.failed INVALID_STATE",
        "revert_payment: payment.reverted REVERTED",
    ]
    check_settled(core)


@pytest.mark.parametrize("fault", ["error_before", "error_after"])
@pytest.mark.parametrize("operation", ["payment_intents.cancel", "refunds.create"])
def test_cancellation_with_a_stored_fault_still_ends(core: Core, operation: str, fault: FaultKind) -> None:
    payment = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment), succeeded=False)
    core.deliver_all(payment)
    if operation == "refunds.create":
        core.sql("UPDATE commands SET next_attempt_at = now() + interval '1 day' WHERE state = 'pending'")
        core.confirm(core.intent(payment), VISA)
        core.stripe.dashboard("capture", core.intent(payment))
    core.stripe.fault(fault, operation)
    core.settle()
    assert core.effects(payment)[-1] == ("cancel" if operation == "payment_intents.cancel" else "refund")
    check_settled(core)


def test_command_continues_after_a_cancel_hold_lost_its_process(core: Core) -> None:
    payment = core.authorize(card=DECLINED)
    core.sql(
        "UPDATE commands SET lease_token = gen_random_uuid(), lease_expires_at = now() - interval '1 second' "
        "WHERE command_type = 'cancel_hold'"
    )
    core.revert(payment)
    assert core.outcome("revert_payment", "c-revert").summary == "revert_payment: payment.failed INVALID_STATE"
    core.settle()
    check_settled(core)


def test_authorize_ends_when_its_cancellation_at_the_deadline_is_refused(core: Core) -> None:
    payment = core.authorize("c-auth", card=CHALLENGED)
    core.stripe.fault("refuse", "payment_intents.cancel", code="payment_intent_unexpected_state")
    core.wait("c-auth", hours=25)
    core.settle()
    assert len(core.summaries()) == 1
    if core.effects(payment) != ["cancel"]:
        core.stripe.finish_challenge(core.intent(payment))
    core.deliver_all(payment)
    core.settle()
    assert len(core.summaries()) == 1
    check_settled(core)


@pytest.mark.parametrize("happens", ["canceled at the deadline", "captured by a person"])
def test_revert_of_an_authorize_past_its_deadline_answers_both(
    hooked_core: Core, gateway: HookedGateway, happens: str
) -> None:
    """While the revert waits, the authorize learns its result; the revert answers both."""
    core = hooked_core
    payment = core.authorize("c-auth", card=CHALLENGED)
    if happens == "captured by a person":
        core.stripe.finish_challenge(core.intent(payment))
        core.stripe.dashboard("capture", core.intent(payment))
    gateway.before["retrieve_intent"] = lambda: core.revert(payment)
    core.wait("c-auth", hours=25)
    core.settle()
    assert core.summaries() == [
        "authorize_payment: payment.failed STRIPE_PAYMENT_CANCELED",
        "revert_payment: payment.reverted REVERTED",
    ]
    check_settled(core)


def test_lasting_fault_is_retried_less_and_less_often(core: Core) -> None:
    core.stripe.fault("error_before", "payment_intents.create", times=None)
    core.authorize("c-auth")
    waits = []
    for _ in range(8):
        core.hurry()
        core.complete()
        core.hurry()
        core.complete()
        (row,) = core.sql("SELECT extract(epoch FROM next_attempt_at - now()) AS wait FROM commands")
        waits.append(float(row["wait"]))
    assert waits[-1] > 10 * waits[0]


def test_look_with_a_fault_is_repeated_soon(core: Core) -> None:
    payment = core.authorize("c-auth", card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment))
    core.stripe.fault("lock_timeout", "payment_intents.retrieve")
    core.sql("UPDATE commands SET next_attempt_at = now()")
    core.settle()
    assert core.summaries() == ["authorize_payment: payment.authorized AUTHORIZED"]
