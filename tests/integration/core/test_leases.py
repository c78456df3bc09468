"""One operation at Stripe per payment: a lease excludes all other workers for as long as the call takes."""

from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from devstack.stripe_simulator.client import SimulatorControl
from service.domain.commands.command import CommandKey
from service.domain.commands.revert import Revert
from service.domain.errors import LeaseLostError
from service.storage import leases
from service.storage.engine import transaction
from service.wiring import sweeping
from tests.integration.core.hooked_gateway import HookedGateway, die, killed
from tests.integration.core.invariants import check_settled
from tests.support.core import Core, running_core


def test_live_lease_excludes_other_workers(others: tuple[Core, Core], gateway: HookedGateway) -> None:
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
    assert first.summaries()[1:] == [
        "release_payment: payment.released SUCCEEDED",
        "release_payment: payment.failed ALREADY_RELEASED",
        "revert_payment: payment.reverted REVERTED",
    ], "the first worker goes on with what came meanwhile, in order of arrival"
    check_settled(first)


def test_reconcile_gives_way_to_a_command_under_way(hooked_core: Core, gateway: HookedGateway) -> None:
    """Reconcile takes up every open command of the payment, due or not, except one with a live lease."""
    core = hooked_core
    payment = core.authorize()
    found: list[str] = []

    def meanwhile() -> None:
        with sweeping(core.settings) as sweep:
            found.append(sweep.examine(payment, dry_run=False).result)

    gateway.before["capture"] = meanwhile
    core.release(payment)
    assert found == ["busy"]
    check_settled(core)


def test_command_ends_only_under_its_fencing_token(hooked_core: Core, gateway: HookedGateway) -> None:
    core = hooked_core
    gateway.before["create_intent"] = die
    with killed():
        core.authorize()
    key = CommandKey("authorize_payment", "c-auth")
    with transaction(core.database) as connection, pytest.raises(LeaseLostError):
        leases.finish(connection, key, None, leases.Fence(key, uuid4()))
    assert core.command("c-auth", "authorize_payment")["state"] == "pending"


def test_lease_is_renewed_during_its_call(
    emptied_database: str, simulated_stripe: SimulatorControl, gateway: HookedGateway
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


def test_webhook_that_answers_first_ends_the_lease(hooked_core: Core, gateway: HookedGateway) -> None:
    core = hooked_core

    def hear() -> None:
        core.deliver(*core.stripe_events())

    gateway.after["create_intent"] = hear
    payment = core.authorize()
    assert core.summaries() == ["authorize_payment: payment.authorized AUTHORIZED"]
    assert core.command("c-auth", "authorize_payment")["lease_token"] is None
    core.handle(Revert("c-revert", payment))
    check_settled(core)
