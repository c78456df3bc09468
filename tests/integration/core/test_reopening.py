"""A failed command runs again under its own correlation id, with a new event and no second effect at Stripe."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from service.domain.commands.command import CommandKey
from service.domain.next_step import Policy
from service.domain.operator_acts import Channel, Grounds
from service.domain.payment import payment_id_of
from service.usecases.operations.errors import OperatorError
from service.usecases.operations.reopening import check, reopen_command
from tests.integration.core.invariants import books_agree
from tests.support.core import Core

WHY = Grounds("mira@shell", Channel.CLI, "balance topped up, ticket 81")
POLICY = Policy("payment.reverted", timedelta(minutes=15), timedelta(days=1))
REVERT = CommandKey("revert_payment", "saga-1")
RELEASE = CommandKey("release_payment", "saga-1")


def reopen(core: Core, key: CommandKey = REVERT) -> None:
    check(core.database, key, POLICY)
    reopen_command(core.database, key, WHY, POLICY)
    core.settle()


def summaries(core: Core, command_type: str = "revert_payment") -> list[str]:
    return [event.summary for event in core.events() if event.answers == (command_type, "saga-1")]


@pytest.fixture
def failed(core: Core) -> Core:
    """A saga with one correlation id whose revert failed: the transfer is reversed, and no refund was made."""
    payment = core.authorize("saga-1")
    core.release(payment, "saga-1")
    core.stripe.fault("refuse", "refunds.create", code="some_refusal", message="Not now.")
    core.revert(payment, "saga-1")
    assert summaries(core) == ["revert_payment: payment.failed STRIPE_ERROR"]
    return core


def test_failed_revert_runs_again_under_its_own_id(failed: Core) -> None:
    payment = failed.payment_id("order-1")
    reopen(failed)
    assert summaries(failed) == [
        "revert_payment: payment.failed STRIPE_ERROR",
        "revert_payment: payment.reverted REVERTED",
    ]
    assert failed.effects() == ["hold", "capture", "transfer", "reversal", "refund"]
    rows = failed.sql("SELECT event_id, sequence FROM outbox WHERE key = :key ORDER BY position", key=str(payment))
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4]
    assert len({row["event_id"] for row in rows}) == 4
    books_agree(failed, failed.payment(payment))


def test_redelivered_command_stays_a_duplicate(failed: Core) -> None:
    payment = failed.payment_id("order-1")
    reopen(failed)
    failed.revert(payment, "saga-1")
    failed.settle()
    assert len(summaries(failed)) == 2
    assert failed.effects() == ["hold", "capture", "transfer", "reversal", "refund"]


def test_each_step_begins_with_a_look_and_then_has_a_new_key(failed: Core) -> None:
    keys = [each["idempotency_key"] for each in failed.stripe.requests("refunds.create")]
    reopen(failed)
    assert failed.command("saga-1", "revert_payment")["key_generation"] == 1
    later = [each["idempotency_key"] for each in failed.stripe.requests("refunds.create")]
    assert later[: len(keys)] == keys
    assert set(later[len(keys) :]).isdisjoint(keys)


def test_refund_from_elsewhere_is_not_made_twice(failed: Core) -> None:
    failed.stripe.dashboard("refund", failed.intent(failed.payment_id("order-1")))
    reopen(failed)
    assert summaries(failed)[-1] == "revert_payment: payment.reverted REVERTED"
    assert failed.effects().count("refund") == 1


def test_act_is_kept_with_the_answer_before(failed: Core) -> None:
    reopen(failed)
    (act,) = failed.sql("SELECT * FROM operator_actions")
    assert (act["action"], act["correlation_id"], act["reason"]) == ("command.reopen", "saga-1", WHY.reason)
    assert act["detail"]["outcome_before"]["stripe_code"] == "some_refusal"


def test_old_command_acts_though_its_deadline_is_over(failed: Core) -> None:
    failed.wait("saga-1", days=3)
    reopen(failed)
    assert summaries(failed)[-1] == "revert_payment: payment.reverted REVERTED"


def test_command_may_fail_and_be_reopened_again(failed: Core) -> None:
    failed.stripe.fault("refuse", "refunds.create", code="some_refusal", message="Not now.")
    reopen(failed)
    reopen(failed)
    assert [line.split()[1] for line in summaries(failed)] == ["payment.failed", "payment.failed", "payment.reverted"]
    assert failed.command("saga-1", "revert_payment")["reopened"] == 2


def test_failed_release_transfers_once(core: Core) -> None:
    payment = core.authorize("saga-1")
    core.stripe.fault("refuse", "transfers.create", code="some_refusal", message="Not now.")
    core.release(payment, "saga-1")
    reopen(core, RELEASE)
    assert summaries(core, "release_payment")[-1] == "release_payment: payment.released SUCCEEDED"
    assert core.effects() == ["hold", "capture", "transfer"]


def test_command_with_a_recovered_payment_runs(core: Core) -> None:
    core.revert(payment_id_of("saga-1"), "saga-1")
    assert summaries(core) == ["revert_payment: payment.failed PAYMENT_NOT_FOUND"]
    with pytest.raises(OperatorError, match="about no payment"):
        reopen(core)
    core.authorize("saga-1")
    reopen(core)
    assert summaries(core)[-1] == "revert_payment: payment.reverted REVERTED"


def _carried_out(core: Core) -> CommandKey:
    core.revert(core.authorize("saga-1"), "saga-1")
    return REVERT


def _authorize(core: Core) -> CommandKey:
    core.authorize("saga-1", card="pm_card_visa_chargeDeclinedInsufficientFunds")
    return CommandKey("authorize_payment", "saga-1")


def _unknown(core: Core) -> CommandKey:
    return REVERT


def _open(core: Core) -> CommandKey:
    payment = core.authorize("saga-1")
    core.stripe.fault("drop_before", "payment_intents.cancel", times=1)
    core.revert(payment, "saga-1")
    return REVERT


def _fails_again(core: Core) -> CommandKey:
    payment = core.authorize("saga-1")
    core.stripe.fault("refuse", "payment_intents.capture", code="some_refusal")
    core.release(payment, "saga-1")
    core.revert(payment, "c-other")
    return RELEASE


def _overtakes(core: Core) -> CommandKey:
    payment = core.authorize("saga-1")
    core.stripe.fault("refuse", "payment_intents.capture", code="some_refusal")
    core.release(payment, "saga-1")
    core.stripe.fault("drop_before", "payment_intents.cancel", times=1)
    core.revert(payment, "c-other")
    return RELEASE


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (_carried_out, "was carried out, answered with payment.reverted"),
        (_authorize, "authorize anew under a new one"),
        (_unknown, "no command revert_payment saga-1"),
        (_open, "is not answered yet"),
        (_fails_again, "would fail again: The payment is REVERTED"),
        (_overtakes, "would overtake revert_payment c-other"),
    ],
)
def test_reopening_that_is_not_safe_is_refused(core: Core, before: Callable[[Core], CommandKey], why: str) -> None:
    key = before(core)
    events = len(core.events())
    with pytest.raises(OperatorError, match=why):
        reopen_command(core.database, key, WHY, POLICY)
    assert core.sql("SELECT * FROM operator_actions") == []
    assert len(core.events()) == events


def test_successful_revert_named_failed_cannot_be_reopened(core: Core) -> None:
    """REVERT_EVENT_TYPE may call a successful revert payment.failed."""
    payment = core.authorize("saga-1")
    core.revert(payment, "saga-1")
    core.sql(
        "SET LOCAL session_replication_role = replica; UPDATE commands SET "
        "outcome = jsonb_set(outcome, '{type}', '\"payment.failed\"') WHERE command_type = 'revert_payment'"
    )
    with pytest.raises(OperatorError, match="was carried out"):
        reopen_command(core.database, REVERT, WHY, POLICY)
