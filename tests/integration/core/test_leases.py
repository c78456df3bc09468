"""One operation at Stripe per payment: leases, fencing tokens, death and takeover."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from devstack.stripe_simulator.client import SimulatorControl
from service.domain.commands import Revert
from service.domain.errors import StripeBusyError, StripeUnknownError
from tests.integration.core.invariants import check_always, check_settled
from tests.integration.core.meddling import Hook, MeddledGateway, die, killed, meddled
from tests.support.core import DECLINED, Core, running_core
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


# The step, what brings it about, and what came before.
STEPS: dict[str, tuple[str, Drive, list[Drive]]] = {
    "create_intent": ("create_intent", _authorize, []),
    "create_intent, declined": ("create_intent", _decline, []),
    "cancel after a refusal": ("cancel", _decline, []),
    "capture": ("capture", _release, [_authorize]),
    "transfer": ("transfer", _release, [_authorize]),
    "cancel": ("cancel", _revert, [_authorize]),
    "reverse_transfer": ("reverse_transfer", _revert, [_authorize, _release]),
    "refund": ("refund", _revert, [_authorize, _release]),
}


@pytest.fixture
def other_gateway(emptied_database: str, simulated_stripe: SimulatorControl) -> MeddledGateway:
    return meddled(emptied_database, simulated_stripe)


@pytest.fixture
def others(
    emptied_database: str,
    simulated_stripe: SimulatorControl,
    gateway: MeddledGateway,
    other_gateway: MeddledGateway,
) -> Iterator[tuple[Core, Core]]:
    """Two consumers whose calls can be meddled with. Leases are too long to be renewed meanwhile."""
    lease = timedelta(minutes=5)
    with (
        running_core(emptied_database, simulated_stripe, gateway, lease=lease) as first,
        running_core(emptied_database, simulated_stripe, other_gateway, lease=lease) as second,
    ):
        yield first, second
        check_always(second)


def _expected(core: Core, drives: list[Drive]) -> tuple[list[str], list[str]]:
    for drive in drives:
        drive(core)
    core.settle()
    seen = core.told(), core.effects()
    core.sql("TRUNCATE payments, commands, outbox, payment_transitions")
    core.stripe.reset()
    return seen


def _take_over(other: Core) -> None:
    other.expire_leases()
    other.settle()


def _unknown() -> None:
    raise StripeUnknownError("the answer came too late", stored=True)


def _busy() -> None:
    raise StripeBusyError("the answer came too late")


@pytest.mark.parametrize("then", [None, _unknown, _busy, die], ids=["answer", "unknown", "busy", "death"])
@pytest.mark.parametrize("step", STEPS)
def test_who_comes_back_after_a_takeover_writes_nothing(
    others: tuple[Core, Core], gateway: MeddledGateway, step: str, then: Hook | None
) -> None:
    slow, other = others
    call, drive, before = STEPS[step]
    wanted = _expected(other, [*before, drive])
    for prepare in before:
        prepare(slow)

    def comes_back_late() -> None:
        _take_over(other)
        (then or (lambda: None))()

    gateway.after[call] = comes_back_late
    if then is die:
        with killed():
            drive(slow)
    else:
        drive(slow)
    slow.settle()
    assert (slow.told(), slow.effects()) == wanted
    check_settled(slow)


@pytest.mark.parametrize("then", [None, _unknown, _busy], ids=["answer", "unknown", "busy"])
@pytest.mark.parametrize("step", STEPS)
def test_who_comes_back_while_another_is_at_work_writes_nothing(
    others: tuple[Core, Core], gateway: MeddledGateway, other_gateway: MeddledGateway, step: str, then: Hook | None
) -> None:
    slow, other = others
    call, drive, before = STEPS[step]
    wanted = _expected(other, [*before, drive])
    for prepare in before:
        prepare(slow)
    left: list[list[dict[str, Any]]] = []

    def comes_back_too_early() -> None:
        other.expire_leases()
        other_gateway.before[call] = die
        with killed():
            other.complete()
        left.append(other.sql(WRITTEN))
        (then or (lambda: None))()

    gateway.after[call] = comes_back_too_early
    drive(slow)
    assert slow.sql(WRITTEN) == left[0], "the other one's lease is live"
    assert gateway.calls[-1] == call, "and the payment is the other one's to go on with"
    _take_over(other)
    assert (slow.told(), slow.effects()) == wanted
    check_settled(slow)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_what_a_dead_process_left_is_completed_by_another(
    others: tuple[Core, Core], gateway: MeddledGateway, step: str, moment: str
) -> None:
    dying, other = others
    call, drive, before = STEPS[step]
    wanted = _expected(other, [*before, drive])
    for prepare in before:
        prepare(dying)
    {"before": gateway.before, "after": gateway.after}[moment][call] = die
    with killed():
        drive(dying)
    assert other.complete() == 0, "the lease is live"
    other.expire_leases()
    other.settle()
    assert (other.told(), other.effects()) == wanted
    check_settled(other)


def test_a_live_lease_keeps_everyone_else_away(others: tuple[Core, Core], gateway: MeddledGateway) -> None:
    first, second = others
    payment = first.authorize()
    seen: list[int] = []

    def meanwhile() -> None:
        second.release(payment, "c-other", "acct_other")
        second.revert(payment)
        second.hurry()
        second.complete()
        seen.append(len(first.stripe.requests()))

    calls = len(first.stripe.requests())
    gateway.before["capture"] = meanwhile
    first.release(payment)
    assert seen == [calls]
    assert first.told()[1:] == [
        "release_payment: payment.released SUCCEEDED",
        "release_payment: payment.failed ALREADY_RELEASED",
        "revert_payment: payment.reverted REVERTED",
    ], "the first worker goes on with what came meanwhile, in order of arrival"
    check_settled(first)


def test_a_lease_is_renewed_while_its_call_is_under_way(
    emptied_database: str, simulated_stripe: SimulatorControl, gateway: MeddledGateway
) -> None:
    with running_core(emptied_database, simulated_stripe, gateway, lease=timedelta(seconds=0.6)) as core:
        ends = partial(core.sql, "SELECT lease_expires_at AS at FROM commands")

        def until_renewed() -> None:
            (first,) = ends()
            while ends() == [first]:
                pass
            assert core.complete() == 0

        gateway.before["create_intent"] = until_renewed
        payment = core.authorize()
        assert core.status(payment) == "AUTHORIZED"
        check_settled(core)


def test_a_webhook_that_answers_first_takes_the_lease(meddled_core: Core, gateway: MeddledGateway) -> None:
    core = meddled_core

    def hear() -> None:
        core.deliver(*core.stripe_events())

    gateway.after["create_intent"] = hear
    payment = core.authorize()
    assert core.told() == ["authorize_payment: payment.authorized AUTHORIZED"]
    assert core.command("c-auth", "authorize_payment")["lease_token"] is None
    core.handle(Revert("c-revert", payment))
    check_settled(core)
