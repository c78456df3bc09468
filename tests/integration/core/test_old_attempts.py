"""Steps begun so long ago that their key or deadline is over: a look comes before they are repeated."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from devstack.stripe_simulator.client import FaultKind, SimulatorControl
from tests.integration.core.hooked_gateway import HookedGateway
from tests.integration.core.invariants import check_settled
from tests.support.core import DECLINED, Core, running_core

STEPS = {
    "payment_intents.create": "create_intent",
    "payment_intents.capture": "capture",
    "transfers.create": "transfer",
    "payment_intents.cancel": "cancel",
    "transfers.reversals.create": "reverse_transfer",
    "refunds.create": "refund",
}
LOOKS = {
    "create_intent": "find_intent",
    "capture": "retrieve_intent",
    "transfer": "find_transfer",
    "cancel": "retrieve_intent",
    "reverse_transfer": "find_reversal",
    "refund": "find_refund",
}
ENDS = {
    "payment_intents.create": ["hold"],
    "payment_intents.capture": ["hold", "capture", "transfer"],
    "transfers.create": ["hold", "capture", "transfer"],
    "payment_intents.cancel": ["hold", "cancel"],
    "transfers.reversals.create": ["hold", "capture", "transfer", "reversal", "refund"],
    "refunds.create": ["hold", "capture", "transfer", "reversal", "refund"],
}
NOT_DONE = {
    "payment_intents.create": ("FAILED", []),
    "payment_intents.capture": ("AUTHORIZED", ["hold"]),
    "transfers.create": ("AUTHORIZED", ["hold", "capture"]),
    "payment_intents.cancel": ("AUTHORIZED", ["hold"]),
    "transfers.reversals.create": ("SUCCEEDED", ["hold", "capture", "transfer"]),
    "refunds.create": ("SUCCEEDED", ["hold", "capture", "transfer", "reversal"]),
}
DONE = {**dict.fromkeys(ENDS, "REVERTED"), "payment_intents.create": "AUTHORIZED"} | dict.fromkeys(
    ["payment_intents.capture", "transfers.create"], "SUCCEEDED"
)


@pytest.fixture
def patient(emptied_database: str, simulated_stripe: SimulatorControl, gateway: HookedGateway) -> Iterator[Core]:
    """A core with a deadline of a week for commands."""
    with running_core(emptied_database, simulated_stripe, gateway, command_deadline=timedelta(days=7)) as core:
        yield core


def _left_open(core: Core, operation: str, kind: FaultKind) -> tuple[UUID, str, str]:
    """The command whose call met the fault: its payment, correlation id and type."""
    if operation == "payment_intents.create":
        core.stripe.fault(kind, operation)
        return core.authorize("c-open"), "c-open", "authorize_payment"
    payment = core.authorize()
    if operation in {"payment_intents.capture", "transfers.create"}:
        core.stripe.fault(kind, operation)
        core.release(payment, "c-open")
        return payment, "c-open", "release_payment"
    if operation != "payment_intents.cancel":
        core.release(payment)
    core.stripe.fault(kind, operation)
    core.revert(payment, "c-open")
    return payment, "c-open", "revert_payment"


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_before", "error_after"])
@pytest.mark.parametrize("operation", STEPS)
def test_step_with_a_forgotten_key_begins_with_a_look(
    patient: Core, gateway: HookedGateway, operation: str, kind: FaultKind
) -> None:
    payment, correlation_id, _ = _left_open(patient, operation, kind)
    patient.wait(correlation_id, hours=25)
    gateway.calls.clear()
    patient.settle()
    step = STEPS[operation]
    looked = gateway.calls[: gateway.calls.index(LOOKS[step]) + 1]
    assert set(looked) <= {"retrieve_intent", LOOKS[step]}, "looked before it acted"
    assert (step in gateway.calls) == kind.endswith("before")
    assert (patient.status(payment), patient.effects(payment)) == (DONE[operation], ENDS[operation])
    check_settled(patient)


def test_cancellation_with_a_forgotten_key_still_ends_the_hold(patient: Core, gateway: HookedGateway) -> None:
    patient.stripe.fault("drop_after", "payment_intents.cancel")
    payment = patient.authorize("c-auth", card=DECLINED)
    patient.settle()
    patient.stripe.fault("drop_after", "payment_intents.cancel")
    patient.wait(patient.intent(payment), hours=25)
    patient.settle()
    assert patient.effects(payment) == ["cancel"]
    check_settled(patient)


@pytest.mark.parametrize("kind", ["drop_after", "error_after"])
@pytest.mark.parametrize("operation", STEPS)
def test_step_found_done_past_the_deadline_succeeds(hooked_core: Core, operation: str, kind: FaultKind) -> None:
    core = hooked_core
    payment, correlation_id, command_type = _left_open(core, operation, kind)
    core.wait(correlation_id, hours=2)
    core.settle()
    assert core.outcome(command_type, correlation_id).type != "payment.failed"
    assert (core.status(payment), core.effects(payment)) == (DONE[operation], ENDS[operation])
    check_settled(core)


@pytest.mark.parametrize("kind", ["drop_before", "error_before"])
@pytest.mark.parametrize("operation", STEPS)
def test_step_found_not_done_past_the_deadline_fails_for_good(
    hooked_core: Core, gateway: HookedGateway, operation: str, kind: FaultKind
) -> None:
    core = hooked_core
    payment, correlation_id, command_type = _left_open(core, operation, kind)
    core.wait(correlation_id, hours=2)
    gateway.calls.clear()
    core.settle()
    event = core.outcome(command_type, correlation_id)
    assert event.summary == f"{command_type}: payment.failed STRIPE_ERROR"
    assert STEPS[operation] not in gateway.calls
    assert (core.status(payment), core.effects(payment)) == NOT_DONE[operation]
    check_settled(core)


def test_command_is_not_answered_while_its_look_fails(core: Core) -> None:
    core.stripe.fault("drop_before", "*", times=None)
    core.authorize("c-auth")
    core.wait("c-auth", hours=2)
    for _ in range(3):
        core.hurry()
        core.complete()
    assert core.summaries() == []
    core.stripe.clear_faults()
    core.settle()
    assert core.summaries() == ["authorize_payment: payment.failed STRIPE_ERROR"]


def test_order_may_be_authorized_again_after_its_authorize_failed_at_the_deadline(core: Core) -> None:
    core.stripe.fault("drop_before", "payment_intents.create")
    first = core.authorize("c-auth")
    core.wait("c-auth", hours=2)
    core.settle()
    second = core.authorize("c-anew")
    core.stripe.clear_faults()
    late = core.late_intent(first)
    core.deliver(*core.stripe_events(late))
    core.settle()
    assert (core.effects(first), core.effects(second)) == (["hold", "cancel"], ["hold"])
    check_settled(core)


def test_second_intent_of_a_payment_is_canceled(patient: Core) -> None:
    """The second intent comes from a look that missed the first, or from a request that took a day."""
    payment = patient.authorize("c-auth")
    stray = patient.late_intent(payment)
    assert patient.deliver(*patient.stripe_events(stray))[-1] == "stray"
    patient.settle()
    assert {(e.payment_intent, str(e.effect)) for e in patient.stripe.ledger()} == {
        (patient.intent(payment), "hold"),
        (stray, "hold"),
        (stray, "cancel"),
    }
    assert patient.status(payment) == "AUTHORIZED"


@pytest.mark.parametrize("fault", [None, "error_before", "error_after", "drop_after"])
def test_captured_second_intent_is_refunded(patient: Core, fault: FaultKind | None) -> None:
    payment = patient.authorize("c-auth")
    stray = patient.late_intent(payment)
    patient.stripe.dashboard("capture", stray)
    if fault:
        patient.stripe.fault(fault, "refunds.create")
    patient.deliver(*patient.stripe_events(stray))
    patient.settle()
    assert [str(e.effect) for e in patient.stripe.ledger(payment_intent=stray)] == ["hold", "capture", "refund"]
    assert patient.payment(payment)["captured_at"] is None
    assert patient.status(payment) == "AUTHORIZED"


@pytest.mark.parametrize("heard", [True, False])
def test_movements_of_a_second_intent_by_a_person_are_in_the_ledger(patient: Core, heard: bool) -> None:
    """Its movements count in no sum of the payment, but the ledger has all of them, with a webhook or without."""
    payment = patient.authorize()
    stray = patient.late_intent(payment)
    patient.stripe.dashboard("capture", stray)
    patient.stripe.dashboard("refund", stray, amount=500)
    patient.deliver(*(patient.owed() if heard else patient.stripe_events(stray)))
    patient.settle()
    known = patient.sql(
        "SELECT kind, amount, stray FROM movements WHERE intent_id = :id ORDER BY learnt_at, kind", id=stray
    )
    assert {row["stray"] for row in known} == {True}
    assert {(row["kind"], row["amount"]) for row in known} >= {("hold", 1500), ("capture", 1500), ("refund", 500)}
    assert sum(row["amount"] for row in known if row["kind"] == "refund") == 1500
    assert patient.payment(payment)["refunded"] == 0
