"""Webhooks in every order and number, and between a command's own steps."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from uuid import UUID

import pytest

from service.domain.stripe_objects import StripeEvent
from tests.integration.core.hooked_gateway import HookedGateway
from tests.integration.core.invariants import check_settled
from tests.support.core import CHALLENGED, VISA, Core, fresh

HELD = "payment_intent.amount_capturable_updated"
CAPTURED = "payment_intent.succeeded"
CANCELED = "payment_intent.canceled"
DECLINED = "payment_intent.payment_failed"
DECISIVE = {HELD, CAPTURED, CANCELED, DECLINED}
AUTHORIZED = "authorize_payment: payment.authorized AUTHORIZED"
HOLD_ENDED = "news: payment.failed STRIPE_PAYMENT_CANCELED"
FAILED = "authorize_payment: payment.failed STRIPE_PAYMENT_FAILED"
LONGEST = 5

Happen = Callable[[Core, str], None]


def _held(core: Core, intent: str) -> None:
    core.stripe.finish_challenge(intent)


def _captured(core: Core, intent: str) -> None:
    _held(core, intent)
    core.stripe.dashboard("capture", intent)


def _canceled(core: Core, intent: str) -> None:
    _held(core, intent)
    core.stripe.dashboard("cancel", intent)


def _given_up(core: Core, intent: str) -> None:
    core.stripe.dashboard("cancel", intent)


def _declined(core: Core, intent: str) -> None:
    core.stripe.finish_challenge(intent, succeeded=False)
    core.stripe.dashboard("cancel", intent)


ENDS: dict[Happen, tuple[str, list[str]]] = {
    _held: ("AUTHORIZED", [AUTHORIZED]),
    _captured: ("AUTHORIZED", [AUTHORIZED]),
    _canceled: ("REVERTED", [AUTHORIZED, HOLD_ENDED]),
    _given_up: ("REVERTED", ["authorize_payment: payment.failed STRIPE_PAYMENT_CANCELED"]),
    _declined: ("FAILED", [FAILED]),
}


def _decisive(core: Core, intent: str) -> list[StripeEvent]:
    return [event for event in core.stripe_events(intent) if event.type in DECISIVE]


def _deliveries(owed: list[StripeEvent]) -> Iterator[tuple[StripeEvent, ...]]:
    """Every order of every multiset that has each event, up to five deliveries."""
    for length in range(len(owed), LONGEST + 1):
        for order in product(owed, repeat=length):
            if set(order) == set(owed):
                yield order


@pytest.mark.parametrize("happen", ENDS, ids=lambda happened: happened.__name__)
def test_webhooks_in_any_order_and_number_end_the_same(core: Core, happen: Happen) -> None:
    status, summaries = ENDS[happen]
    owed = _decisive(core, core.intent(_challenged(core, happen)))
    for order in _deliveries(owed):
        payment = core.authorize(fresh("c"), fresh("order"), CHALLENGED)
        core.deliver(*_of(order, core.intent(payment)))
        row, kinds = core.payment(payment), [event.type for event in order]
        assert (row["status"], core.summaries(payment)) == (status, summaries), kinds
        assert (row["captured_at"] is not None) == (happen is _captured), kinds
        assert (row["canceled_at"] is not None) == (happen in {_canceled, _given_up, _declined}), kinds


def _of(order: tuple[StripeEvent, ...], intent_id: str) -> Iterator[StripeEvent]:
    """The same events, rewritten for this intent."""
    for event in order:
        assert event.intent is not None
        charge = event.intent.charge_id and intent_id.replace("pi_", "ch_")
        intent = replace(event.intent, id=intent_id, payment_id=None, charge_id=charge)
        yield replace(event, id=f"{event.id}-{intent_id}", object_id=intent_id, intent=intent)


def _challenged(core: Core, happen: Happen) -> UUID:
    payment = core.authorize(fresh("c"), fresh("order"), CHALLENGED)
    happen(core, core.intent(payment))
    return payment


PAID = ["create_intent", "authorized", "capture", "transfer", "released", "reverse_transfer", "refund", "reverted"]
UNDONE = ["create_intent", "authorized", "cancel", "reverted"]


def _run(core: Core, gateway: HookedGateway, flow: list[str], schedule: list[tuple[str, str]]) -> UUID:
    """Run the flow; webhooks come between a step at Stripe and its record, or after a command."""
    order = fresh("order")

    def reached(place: str) -> None:
        wanted = [kind for kind, where in schedule if where == place]
        owed = {event.type: event for event in core.stripe_events()} if wanted else {}
        core.deliver(*(owed[kind] for kind in wanted))

    gateway.after |= {place: partial(reached, place) for place in flow}
    payment = core.authorize(fresh("c"), order, VISA)
    reached("authorized")
    if "capture" in flow:
        core.release(payment, fresh("c"))
        reached("released")
    core.revert(payment, fresh("c"))
    reached("reverted")
    return payment


@pytest.mark.parametrize(
    ("flow", "first", "second", "born"), [(PAID, HELD, CAPTURED, "capture"), (UNDONE, HELD, CANCELED, "cancel")]
)
def test_webhooks_between_the_steps_of_commands_end_the_same(
    hooked_core: Core, gateway: HookedGateway, flow: list[str], first: str, second: str, born: str
) -> None:
    core = hooked_core
    baseline = None
    since = flow[flow.index(born) :]
    for early, late in [*product(flow, since[-1:]), *product(flow[:1], since), *zip(since, since, strict=True)]:
        core.stripe.reset()
        schedule = [(second, late), (first, early), (first, "reverted"), (second, late)]
        payment = _run(core, gateway, flow, schedule)
        seen = (core.summaries(payment), core.status(payment), core.effects(payment))
        baseline = baseline or seen
        assert seen == baseline, schedule
    assert baseline is not None
    assert len(baseline[0]) == (3 if flow is PAID else 2)


def test_concurrent_deliveries_of_one_event_apply_once(core: Core) -> None:
    for happen in ENDS:
        payment = _challenged(core, happen)
        event = _decisive(core, core.intent(payment))[0]
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(core.webhooks.receive, [event] * 6))
        assert sorted(results) == ["applied", *["duplicate"] * 5]
    core.settle()


def test_concurrent_deliveries_of_an_event_about_no_payment_are_recorded_once(core: Core) -> None:
    """No payment's row makes these wait for each other."""
    heard = _decisive(core, core.intent(_challenged(core, _held)))[0]
    for number in range(20):
        event = replace(
            heard, id=f"evt_{number}", type="customer.created", object_id="cus_1", intent=None, about=None, tells=()
        )
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(core.webhooks.receive, [event] * 6))
        assert results.count("duplicate") == 5, results


def test_concurrent_deliveries_of_all_events_end_the_same(core: Core) -> None:
    for happen, (status, summaries) in ENDS.items():
        payment = _challenged(core, happen)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(core.webhooks.receive, _decisive(core, core.intent(payment)) * 3))
        assert (core.status(payment), core.summaries(payment)) == (status, summaries)
    core.settle()
    check_settled(core)
