"""A payment's change and its messages are committed together or not at all, wherever the process dies."""

from collections.abc import Callable
from itertools import product
from uuid import UUID

import pytest

from service.crash_points import CrashPoint
from service.domain.next_step import Step
from service.usecases import accept, run_command, stripe_events
from service.usecases.run_command import Stage
from tests.integration.core.hooked_gateway import ProcessDeathError, killed
from tests.integration.core.invariants import check_always, check_settled
from tests.support.core import CHALLENGED, Core
from tests.support.core_view import WRITTEN

Drive = Callable[[Core], None]


def _authorize(core: Core) -> None:
    core.authorize()


def _release(core: Core) -> None:
    core.release(core.payment_id("order-1"))


def _revert(core: Core) -> None:
    core.revert(core.payment_id("order-1"))


FLOWS: dict[Step, list[Drive]] = {
    Step.CREATE_INTENT: [_authorize],
    Step.CAPTURE: [_authorize, _release],
    Step.TRANSFER: [_authorize, _release],
    Step.CANCEL: [_authorize, _revert],
    Step.REVERSE: [_authorize, _release, _revert],
    Step.REFUND: [_authorize, _release, _revert],
}
ENDS: dict[Step, list[str]] = {
    Step.CREATE_INTENT: ["hold"],
    Step.CAPTURE: ["hold", "capture", "transfer"],
    Step.TRANSFER: ["hold", "capture", "transfer"],
    Step.CANCEL: ["hold", "cancel"],
    Step.REVERSE: ["hold", "capture", "transfer", "reversal", "refund"],
    Step.REFUND: ["hold", "capture", "transfer", "reversal", "refund"],
}


def test_table_has_every_step() -> None:
    assert set(FLOWS) == set(ENDS) == set(Step)


@pytest.mark.parametrize(("step", "stage"), list(product(Step, Stage)))
def test_step_is_recorded_whole_or_not_at_all(
    core: Core, monkeypatch: pytest.MonkeyPatch, step: Step, stage: Stage
) -> None:
    before: list[object] = []

    def reached(at: Step, now: Stage) -> None:
        if at is step and now is Stage.BEFORE_CALL:
            before.extend(core.sql(WRITTEN))
        if (at, now) == (step, stage):
            raise ProcessDeathError

    *prepare, last = FLOWS[step]
    for drive in prepare:
        drive(core)
    monkeypatch.setattr(run_command, "reached_in", reached)
    with killed():
        last(core)
    monkeypatch.undo()
    assert (core.sql(WRITTEN) == before) == (stage is not Stage.AFTER_COMMIT)
    core.expire_leases()
    core.settle()
    assert core.effects() == ENDS[step]
    check_settled(core)


@pytest.mark.parametrize("point", [CrashPoint.ACCEPT_BEFORE_COMMIT, CrashPoint.ACCEPT_AFTER_COMMIT])
@pytest.mark.parametrize("flow", FLOWS.values(), ids=list(FLOWS))
def test_command_is_accepted_whole_or_not_at_all(
    core: Core, monkeypatch: pytest.MonkeyPatch, flow: list[Drive], point: CrashPoint
) -> None:
    *prepare, last = flow
    for drive in prepare:
        drive(core)
    before = core.sql(WRITTEN)
    with monkeypatch.context() as patched, killed():
        patched.setattr(accept, "reached", _die_at(point))
        last(core)
    assert (core.sql(WRITTEN) == before) == (point is CrashPoint.ACCEPT_BEFORE_COMMIT)
    core.expire_leases()
    last(core)
    core.settle()
    assert len(core.events()) == len(flow)
    check_settled(core)


@pytest.mark.parametrize("point", [CrashPoint.WEBHOOK_BEFORE_COMMIT, CrashPoint.WEBHOOK_AFTER_COMMIT])
@pytest.mark.parametrize("then", ["held", "failed"])
def test_webhook_is_applied_whole_or_not_at_all(
    core: Core, monkeypatch: pytest.MonkeyPatch, then: str, point: CrashPoint
) -> None:
    payment: UUID = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment), succeeded=then == "held")
    before, event = core.sql(WRITTEN), core.stripe_events(core.intent(payment))[-1]
    with monkeypatch.context() as patched, killed():
        patched.setattr(stripe_events, "reached", _die_at(point))
        core.deliver(event)
    committed = point is CrashPoint.WEBHOOK_AFTER_COMMIT
    assert (core.sql(WRITTEN) == before) == (not committed)
    assert core.deliver(event) == ["duplicate" if committed else "applied"]
    assert len(core.summaries()) == 1
    check_always(core)


def _die_at(point: CrashPoint) -> Callable[[CrashPoint], None]:
    def reached(now: CrashPoint) -> None:
        if now is point:
            raise ProcessDeathError

    return reached
