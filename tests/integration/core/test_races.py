"""Commands on one payment at the same moment: one winner, no money lost, each answered."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from uuid import UUID

import pytest

from devstack.stripe_simulator.client import ControlError, DashboardAction, FaultKind
from tests.integration.core.hooked_gateway import HookedGateway
from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, DECLINED, RUNNER, VISA, Core, fresh

SLOW = 0.02
ROUNDS = 4
CANCELED = "authorize_payment: payment.failed STRIPE_PAYMENT_CANCELED"
REVERTED = "revert_payment: payment.reverted REVERTED"


def _at_once(*calls: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(calls)) as pool:
        for future in [pool.submit(call) for call in calls]:
            future.result()


def _if_not_too_late(core: Core, action: DashboardAction, payment: UUID) -> None:
    with suppress(ControlError):
        core.stripe.dashboard(action, core.intent(payment))


@pytest.fixture
def slow(core: Core) -> Core:
    """A core with a slow Stripe, so that commands overlap."""
    core.stripe.traffic(latency_before=SLOW, latency_after=SLOW)
    return core


def _authorized(core: Core) -> UUID:
    return core.authorize(fresh("c"), fresh("order"))


def test_concurrent_release_and_revert_lose_no_money(slow: Core) -> None:
    for _ in range(ROUNDS):
        payment = _authorized(slow)
        _at_once(
            partial(slow.release, payment, fresh("c")),
            partial(slow.revert, payment, fresh("c")),
        )
        slow.settle()
        assert slow.status(payment) == "REVERTED"
        summaries = sorted(event.summary for event in slow.events(payment))[1:]
        assert summaries in (
            ["release_payment: payment.failed INVALID_STATE", REVERTED],
            ["release_payment: payment.released SUCCEEDED", REVERTED],
        )
    check_settled(slow)


def test_concurrent_releases_to_two_runners_pay_one(slow: Core) -> None:
    for _ in range(ROUNDS):
        payment = _authorized(slow)
        _at_once(*(partial(slow.release, payment, fresh("c"), f"acct_runner_{n}") for n in range(3)))
        slow.settle()
        assert sorted(event.summary for event in slow.events(payment))[1:] == [
            "release_payment: payment.failed ALREADY_RELEASED",
            "release_payment: payment.failed ALREADY_RELEASED",
            "release_payment: payment.released SUCCEEDED",
        ]
    check_settled(slow)


def test_concurrent_commands_webhooks_and_a_person_lose_no_money(slow: Core) -> None:
    actions: list[DashboardAction] = ["capture", "cancel"]
    for action in actions:
        payment = _authorized(slow)
        _at_once(
            partial(slow.release, payment, fresh("c")),
            partial(_if_not_too_late, slow, action, payment),
            partial(slow.revert, payment, fresh("c")),
            partial(slow.deliver_all, payment),
            partial(slow.release, payment, fresh("c"), RUNNER),
        )
        slow.settle()
        slow.deliver_all(payment)
        slow.settle()
        assert slow.status(payment) == "REVERTED"
        check_settled(slow)


def test_two_consumers_complete_one_command_once(slow: Core) -> None:
    payment = slow.authorize()
    slow.stripe.fault("drop_after", "*", times=3)
    slow.release(payment)
    slow.revert(payment)
    for _ in range(8):
        slow.hurry()
        _at_once(slow.complete, slow.complete, slow.complete)
    slow.settle()
    assert slow.effects() == ["hold", "capture", "transfer", "reversal", "refund"]
    check_settled(slow)


def _hear_all(core: Core) -> None:
    core.deliver(*core.stripe_events())


class TestRevertOfAnAuthorizeUnderWay:
    @pytest.mark.parametrize("card", [VISA, CHALLENGED])
    def test_authorize_in_flight(self, hooked_core: Core, gateway: HookedGateway, card: str) -> None:
        core = hooked_core
        gateway.before["create_intent"] = lambda: core.revert(core.payment_id("order-1"))
        payment = core.authorize(card=card)
        assert core.summaries() == [CANCELED, REVERTED]
        assert len(core.sql("SELECT DISTINCT xid::text FROM outbox")) == 1
        assert core.status(payment) == "REVERTED"
        core.deliver_all(payment)
        check_settled(core)

    def test_authorize_in_flight_whose_webhook_comes_first(self, hooked_core: Core, gateway: HookedGateway) -> None:
        core = hooked_core
        gateway.before["create_intent"] = lambda: core.revert(core.payment_id("order-1"))
        gateway.after["create_intent"] = partial(_hear_all, core)
        core.authorize()
        assert core.summaries() == [CANCELED, REVERTED]
        check_settled(core)

    def test_authorize_in_flight_that_is_declined(self, hooked_core: Core, gateway: HookedGateway) -> None:
        core = hooked_core
        gateway.before["create_intent"] = lambda: core.revert(core.payment_id("order-1"))
        core.authorize(card=DECLINED)
        core.settle()
        assert core.summaries() == [
            "authorize_payment: payment.failed CARD_DECLINED",
            "revert_payment: payment.failed INVALID_STATE",
        ]
        check_settled(core)

    @pytest.mark.parametrize("card", [VISA, CHALLENGED])
    @pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_before", "error_after"])
    def test_authorize_with_an_unknown_result(self, core: Core, kind: FaultKind, card: str) -> None:
        core.stripe.fault(kind, "payment_intents.create")
        payment = core.authorize(card=card)
        core.revert(payment)
        assert core.summaries() == [], "nothing is answered while the truth is unknown"
        core.settle()
        assert core.summaries() == [CANCELED, REVERTED]
        core.deliver_all(payment)
        check_settled(core)

    def test_refused_revert_lets_the_authorize_go_on(self, core: Core) -> None:
        payment = core.authorize(card=CHALLENGED)
        core.stripe.finish_challenge(core.intent(payment))
        core.stripe.fault("refuse", "payment_intents.cancel")
        core.revert(payment)
        core.complete()
        assert core.summaries() == [
            "revert_payment: payment.failed STRIPE_ERROR",
            "authorize_payment: payment.authorized AUTHORIZED",
        ]
        check_settled(core)
