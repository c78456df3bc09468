"""A fault at each call to Stripe: the payment ends as Stripe's ledger shows, with one effect and one outcome."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from devstack.stripe_simulator.client import FaultKind, SimulatorControl
from tests.integration.core.invariants import check_settled
from tests.support.core import DECLINED, Core, fresh, running_core

IMPATIENT = timedelta(seconds=0.15)
LATENCY = 0.3

Flow = Callable[[Core], UUID]


def _authorize(core: Core) -> UUID:
    return core.authorize(fresh("c"), fresh("order"))


def _decline(core: Core) -> UUID:
    return core.authorize(fresh("c"), fresh("order"), DECLINED)


def _release(core: Core) -> UUID:
    payment = _authorize(core)
    core.release(payment, fresh("c"))
    return payment


def _revert(core: Core) -> UUID:
    payment = _authorize(core)
    core.revert(payment, fresh("c"))
    return payment


def _revert_released(core: Core) -> UUID:
    payment = _release(core)
    core.revert(payment, fresh("c"))
    return payment


AUTHORIZED = "authorize_payment: payment.authorized AUTHORIZED"
RELEASED = "release_payment: payment.released SUCCEEDED"
REVERTED = "revert_payment: payment.reverted REVERTED"
ENDS: dict[Flow, tuple[str, list[str], list[str]]] = {
    _authorize: ("AUTHORIZED", [AUTHORIZED], ["hold"]),
    _decline: ("FAILED", ["authorize_payment: payment.failed CARD_DECLINED"], ["cancel"]),
    _release: ("SUCCEEDED", [AUTHORIZED, RELEASED], ["hold", "capture", "transfer"]),
    _revert: ("REVERTED", [AUTHORIZED, REVERTED], ["hold", "cancel"]),
    _revert_released: (
        "REVERTED",
        [AUTHORIZED, RELEASED, REVERTED],
        ["hold", "capture", "transfer", "reversal", "refund"],
    ),
}
CALLS: list[tuple[str, Flow]] = [
    ("payment_intents.create", _authorize),
    ("payment_intents.create", _decline),
    ("payment_intents.cancel", _decline),
    ("payment_intents.capture", _release),
    ("transfers.create", _release),
    ("payment_intents.cancel", _revert),
    ("transfers.reversals.create", _revert_released),
    ("refunds.create", _revert_released),
]
FAULTS: list[tuple[FaultKind, dict[str, Any]]] = [
    ("drop_before", {}),
    ("drop_after", {}),
    ("error_before", {}),
    ("error_after", {}),
    ("lock_timeout", {}),
    ("rate_limit", {"retry_after": 1}),
    ("conflict", {}),
    ("latency_before", {"seconds": LATENCY}),
    ("latency_after", {"seconds": LATENCY}),
]
SLOW = {"latency_before", "latency_after", "rate_limit"}


def _words(case: object) -> str:
    parts = [part for part in case if part != {}] if isinstance(case, tuple) else [case]
    return "-".join(str(getattr(part, "__name__", part)) for part in parts)


def _cases() -> Iterator[tuple[tuple[str, Flow], tuple[FaultKind, dict[str, Any]]]]:
    """Time-outs and our own pace cost seconds, so they are tried only where they show something new."""
    for (operation, flow), (kind, rule) in product(CALLS, FAULTS):
        if kind not in SLOW or operation in {"payment_intents.create", "transfers.create"}:
            yield (operation, flow), (kind, rule)


def _end(core: Core, payment: UUID) -> tuple[str, list[str], list[str]]:
    core.settle()
    return core.status(payment), core.summaries(payment), core.effects(payment)


@pytest.mark.parametrize(("call", "fault"), list(_cases()), ids=_words)
def test_flow_with_a_fault_ends_like_the_flow_without(
    emptied_database: str,
    simulated_stripe: SimulatorControl,
    call: tuple[str, Flow],
    fault: tuple[FaultKind, dict[str, Any]],
) -> None:
    (operation, flow), (kind, rule) = call, fault
    patience = IMPATIENT if kind.startswith("latency") else timedelta(seconds=5)
    with running_core(emptied_database, simulated_stripe, stripe_timeout=patience) as core:
        for times in (1,) if kind in SLOW else (1, 3):
            core.stripe.fault(kind, operation, times=times, **rule)
            assert _end(core, flow(core)) == ENDS[flow], f"{times} times"
        assert all(entry["hits"] for entry in core.stripe.faults())
        check_settled(core)


LOOKS = ["payment_intents.list", "transfers.list", "payment_intents.retrieve", "refunds.list", "transfers.retrieve"]


@pytest.mark.parametrize("kind", ["drop_before", "error_before", "lock_timeout"])
@pytest.mark.parametrize(("operation", "flow"), CALLS, ids=_words)
def test_flow_with_a_fault_in_its_look_ends_like_the_flow_without(
    core: Core, operation: str, flow: Flow, kind: FaultKind
) -> None:
    core.stripe.fault("error_after", operation)
    for look in LOOKS:
        core.stripe.fault(kind, look, times=2)
    assert _end(core, flow(core)) == ENDS[flow]
    assert sum(entry["hits"] for entry in core.stripe.faults()) >= 2
    check_settled(core)
