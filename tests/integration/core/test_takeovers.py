"""A worker that dies, or continues too late: another takes its command over, and nothing happens twice."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from service.domain.errors import StripeUnknownError
from tests.integration.core.hooked_gateway import Hook, HookedGateway, die, killed
from tests.integration.core.invariants import check_settled
from tests.support.core import DECLINED, Core
from tests.support.core_view import WRITTEN

Drive = Callable[[Core], None]


def _authorize(core: Core) -> None:
    core.authorize()


def _decline(core: Core) -> None:
    core.authorize(card=DECLINED)
    core.settle()


def _release(core: Core) -> None:
    core.release(_payment(core))


def _revert(core: Core) -> None:
    core.revert(_payment(core))


def _payment(core: Core) -> UUID:
    return core.payment_id("order-1")


# The step, the command that causes it, the commands before, and the effects at the end.
STEPS: dict[str, tuple[str, Drive, list[Drive], list[str]]] = {
    "create_intent": ("create_intent", _authorize, [], ["hold"]),
    "create_intent, declined": ("create_intent", _decline, [], ["cancel"]),
    "cancel after a refusal": ("cancel", _decline, [], ["cancel"]),
    "capture": ("capture", _release, [_authorize], ["hold", "capture", "transfer"]),
    "transfer": ("transfer", _release, [_authorize], ["hold", "capture", "transfer"]),
    "cancel": ("cancel", _revert, [_authorize], ["hold", "cancel"]),
    "reverse_transfer": (
        "reverse_transfer",
        _revert,
        [_authorize, _release],
        ["hold", "capture", "transfer", "reversal", "refund"],
    ),
    "refund": ("refund", _revert, [_authorize, _release], ["hold", "capture", "transfer", "reversal", "refund"]),
}
SUMMARIES: dict[Drive, str] = {
    _authorize: "authorize_payment: payment.authorized AUTHORIZED",
    _decline: "authorize_payment: payment.failed CARD_DECLINED",
    _release: "release_payment: payment.released SUCCEEDED",
    _revert: "revert_payment: payment.reverted REVERTED",
}


def _check_end(core: Core, step: str) -> None:
    _, drive, before, effects = STEPS[step]
    assert (core.summaries(), core.effects()) == ([SUMMARIES[each] for each in [*before, drive]], effects)
    check_settled(core)


def _take_over(other: Core) -> None:
    other.expire_leases()
    other.settle()


def _unknown() -> None:
    raise StripeUnknownError("the answer came too late", stored=True)


@pytest.mark.parametrize("then", [None, _unknown, die], ids=["answer", "unknown", "death"])
@pytest.mark.parametrize("step", STEPS)
def test_late_worker_cannot_write_after_a_finished_takeover(
    others: tuple[Core, Core], gateway: HookedGateway, step: str, then: Hook | None
) -> None:
    slow, other = others
    call, drive, before, _ = STEPS[step]
    for prepare in before:
        prepare(slow)

    def continue_late() -> None:
        _take_over(other)
        (then or (lambda: None))()

    gateway.after[call] = continue_late
    if then is die:
        with killed():
            drive(slow)
    else:
        drive(slow)
    slow.settle()
    _check_end(slow, step)


@pytest.mark.parametrize("then", [None, _unknown], ids=["answer", "unknown"])
@pytest.mark.parametrize("step", STEPS)
def test_late_worker_cannot_write_during_a_takeover(
    others: tuple[Core, Core], gateway: HookedGateway, other_gateway: HookedGateway, step: str, then: Hook | None
) -> None:
    slow, other = others
    call, drive, before, _ = STEPS[step]
    for prepare in before:
        prepare(slow)
    left: list[list[dict[str, Any]]] = []

    def continue_too_early() -> None:
        other.expire_leases()
        other_gateway.before[call] = die
        with killed():
            other.complete()
        left.append(other.sql(WRITTEN))
        (then or (lambda: None))()

    gateway.after[call] = continue_too_early
    drive(slow)
    assert slow.sql(WRITTEN) == left[0], "the other one's lease is live"
    assert gateway.calls[-1] == call, "and the payment is the other one's to go on with"
    _take_over(other)
    _check_end(slow, step)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_another_process_completes_the_work_of_a_dead_one(
    others: tuple[Core, Core], gateway: HookedGateway, step: str, moment: str
) -> None:
    dying, other = others
    call, drive, before, _ = STEPS[step]
    for prepare in before:
        prepare(dying)
    {"before": gateway.before, "after": gateway.after}[moment][call] = die
    with killed():
        drive(dying)
    assert other.complete() == 0, "the lease is live"
    other.expire_leases()
    other.settle()
    _check_end(other, step)
