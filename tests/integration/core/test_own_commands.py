"""The service's own commands: no record from outside replaces one, or counts as one."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from service.domain.command_reader import read
from service.domain.received_records import InvalidCommand
from service.usecases.operations.sweep import Sweep
from service.wiring import sweeping
from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, VISA, Core


@pytest.fixture
def sweep(core: Core) -> Iterator[Sweep]:
    with sweeping(core.settings) as found:
        yield found


def _send(core: Core, kind: str, correlation_id: str, **payload: str) -> None:
    """Send a record of the commands topic that the consumer reads and refuses."""
    value = json.dumps({"type": kind, "correlation_id": correlation_id, "payload": payload}).encode()
    refused = read(value, "sgd")
    assert isinstance(refused, InvalidCommand)
    core.engine.refuse(refused, core.origin())


def _held_too_late(core: Core, payment: UUID) -> None:
    """Fail the payment; then the customer pays with another card, and Stripe holds the money."""
    core.stripe.finish_challenge(core.intent(payment), succeeded=False)
    core.deliver_all(payment)
    core.confirm(core.intent(payment), VISA)
    core.deliver_all(payment)


def test_forged_cancel_hold_does_not_stop_the_real_one(core: Core) -> None:
    payment = core.authorize(card=CHALLENGED)
    _send(core, "cancel_hold", core.intent(payment), payment_id=str(payment))
    _held_too_late(core, payment)
    core.settle()
    assert core.effects(payment) == ["hold", "cancel"]
    assert "cancel_hold: payment.failed INVALID_PAYLOAD" in core.summaries()
    check_settled(core)


def test_forged_cancel_hold_is_answered_once_and_other_content_is_a_dead_letter(core: Core) -> None:
    for _ in range(2):
        _send(core, "cancel_hold", "pi_forged", payment_id="x")
    _send(core, "cancel_hold", "pi_forged", payment_id="y")
    assert core.summaries() == ["cancel_hold: payment.failed INVALID_PAYLOAD"]
    reasons = [row["reason"] for row in core.sql("SELECT reason FROM dead_letters ORDER BY id")]
    assert reasons == ["INVALID_PAYLOAD", "CORRELATION_ID_REUSED"]


def test_no_sent_type_equals_the_type_of_a_kept_forgery(core: Core) -> None:
    for kind in ("cancel_hold", "outside:cancel_hold", "outside:outside:cancel_hold"):
        _send(core, kind, "pi_forged")
    assert len(core.summaries()) == 3


@pytest.mark.parametrize(
    "row",
    ["'pi_1', 'cancel_hold', NULL, 'done', now()", "'c-1', 'cancel_hold', payment_id, 'done', now()"],
    ids=["about no payment", "about no intent"],
)
def test_database_refuses_an_own_command_without_payment_or_intent(core: Core, row: str) -> None:
    core.authorize()
    with pytest.raises(DBAPIError, match="ck_commands_own_names_its_payment"):
        core.sql(
            "INSERT INTO commands (correlation_id, command_type, payment_id, state, completed_at, recovery_point, "
            f"fingerprint, payload) SELECT {row}, 'answered', sha256(''), '{{}}' FROM payments"
        )


def test_reconcile_reports_repaired_only_after_a_second_look(core: Core, sweep: Sweep) -> None:
    payment = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment), succeeded=False)
    core.deliver_all(payment)
    core.confirm(core.intent(payment), VISA)
    core.stripe.fault("error_before", "payment_intents.cancel", times=None)

    still_held = sweep.examine(payment, dry_run=False)
    assert (still_held.result, core.effects(payment)) == ("undecided", ["hold"])

    core.stripe.clear_faults()
    core.hurry()
    assert sweep.examine(payment, dry_run=False).result == "repaired"
    assert core.effects(payment) == ["hold", "cancel"]
    assert sweep.examine(payment, dry_run=False).result == "agrees"
