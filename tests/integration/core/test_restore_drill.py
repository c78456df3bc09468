"""Rows are lost and every command is repeated. No money moves, and Stripe's objects give the answers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from devstack.postgres import Postgres
from devstack.stripe_simulator.client import SimulatorControl
from tests.integration.core.invariants import books_agree
from tests.integration.core.restoring import HISTORIES, STEPS, Between, Loss, moved, payment_of, reconcile, send
from tests.support.core import Core

FACTS = ("status", "stripe_payment_intent_id", "stripe_transfer_id", "stripe_reversal_id", "stripe_refund_id")
ANSWERS = {"release": {"payment.released SUCCEEDED"}, "revert": {"payment.reverted REVERTED"}}
TOO_LATE = {"release": {"payment.failed INVALID_STATE", "payment.failed PAYMENT_REFUNDED"}, "revert": set[str]()}
"""Stripe shows only the end of a reverted payment: its repeated release is answered from that."""

BETWEEN: dict[str, Between] = {"nothing": lambda core: None, "webhooks": Core.hear, "reconcile": reconcile}
"""The actions between the restore and the repeated commands."""


WORLD: dict[str, Any] = {
    "kept": {"hours": 1},
    "forgotten": {"hours": 25, "look_first": "on"},
    "read again": {"hours": 25},
}
"""Within 24 h Stripe's keys answer. After that, ``LOOK_FIRST`` is needed, unless the old records themselves come."""


@pytest.fixture
def loss(postgres_server: Postgres, migrated_template: str, simulated_stripe: SimulatorControl) -> Iterator[Loss]:
    lost = Loss(postgres_server, migrated_template, simulated_stripe)
    yield lost
    lost.close()


@pytest.mark.parametrize(
    ("kept", "between", "keys"),
    [
        (0, "nothing", "kept"),
        (0, "nothing", "forgotten"),
        (0, "nothing", "read again"),
        (0, "webhooks", "forgotten"),
        (1, "webhooks", "kept"),
        (1, "nothing", "forgotten"),
        (1, "reconcile", "forgotten"),
        (2, "reconcile", "kept"),
        (2, "webhooks", "forgotten"),
    ],
)
def test_repeated_commands_move_no_money_and_are_answered(loss: Loss, kept: int, between: str, keys: str) -> None:
    with loss.before() as core:
        send(core, *STEPS[:kept])
    loss.dump()
    with loss.before() as core:
        send(core, *STEPS[kept:])
        before = moved(core)
        known = {order: core.payment(payment_of(order)) for order in HISTORIES}
    with loss.after(**WORLD[keys]) as core:
        core.commands_are_old = timedelta(hours=25 if keys == "read again" else 0)
        BETWEEN[between](core)
        send(core, *STEPS)
        core.settle()
        assert moved(core) == before
        for order, wanted in HISTORIES.items():
            row = core.payment(payment_of(order))
            books_agree(core, row)
            assert {name: row[name] for name in FACTS} == {name: known[order][name] for name in FACTS}
            assert core.outcome("authorize_payment", f"c-authorize-{order}").type == "payment.authorized"
            for step in wanted:
                summary = core.outcome(f"{step}_payment", f"c-{step}-{order}").summary.partition(": ")[2]
                assert summary in ANSWERS[step] or (order == "paid-back" and summary in TOO_LATE[step])


@pytest.mark.parametrize("kept", [1, 2])
def test_reconcile_finds_lost_effects_before_commands_are_repeated(loss: Loss, kept: int) -> None:
    with loss.before() as core:
        send(core, *STEPS[:kept])
    loss.dump()
    with loss.before() as core:
        send(core, *STEPS[kept:])
        known = {order: core.payment(payment_of(order)) for order in HISTORIES}
    with loss.after(**WORLD["forgotten"]) as core:
        reconcile(core)
        for order in HISTORIES:
            row = core.payment(payment_of(order))
            books_agree(core, row)
            assert {name: row[name] for name in FACTS} == {name: known[order][name] for name in FACTS}


@pytest.mark.parametrize(
    ("between", "keys"), [("nothing", "kept"), ("nothing", "forgotten"), ("reconcile", "forgotten")]
)
def test_revert_after_a_lost_release_reverses_the_transfer_first(loss: Loss, between: str, keys: str) -> None:
    with loss.before() as core:
        send(core, "authorize")
    loss.dump()
    with loss.before() as core:
        send(core, "release")
    with loss.after(**WORLD[keys]) as core:
        BETWEEN[between](core)
        payment = payment_of("released")
        core.revert(payment, "c-operator")
        core.settle()
        assert core.effects(payment) == ["hold", "capture", "transfer", "reversal", "refund"]
        assert core.outcome("revert_payment", "c-operator").type == "payment.reverted"
        books_agree(core, core.payment(payment))


def test_transfer_from_the_balance_is_not_repeated(loss: Loss) -> None:
    """The transfer came from the balance, because the first one was reversed. Other orders' money is there, too."""
    with loss.before() as core:
        send(core, "authorize", "release")
        payment = payment_of("released")
        core.stripe.dashboard("reverse_transfer", core.intent(payment))
        core.stripe.dashboard("capture", core.intent(payment_of("held")))
        core.hear()
    loss.dump()
    with loss.before() as core:
        core.release(payment, "c-anew")
        transfer, before = core.payment(payment)["stripe_transfer_id"], core.effects(payment)
    with loss.after(hours=24 * 8, look_first="on") as core:
        core.release(payment, "c-anew")
        core.settle()
        assert (core.payment(payment)["stripe_transfer_id"], core.effects(payment)) == (transfer, before)
        assert core.outcome("release_payment", "c-anew").payload["transfer_id"] == transfer
