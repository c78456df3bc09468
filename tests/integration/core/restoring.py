"""A database is dumped, written to, and lost. Its copy takes over with the same Stripe account."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from devstack.postgres import Postgres
from devstack.stripe_simulator.client import SimulatorControl
from devstack.stripe_simulator.ledger import LedgerEntry
from service.domain.payment import payment_id_of
from service.wiring import sweeping
from tests.support.core import Core, running_core

STEPS = ("authorize", "release", "revert")
HISTORIES: dict[str, tuple[str, ...]] = {
    "held": (),
    "released": ("release",),
    "reverted": ("revert",),
    "paid-back": ("release", "revert"),
}
"""Orders, named by their history after the authorize."""

ALL_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def payment_of(order: str) -> UUID:
    """The payment of an order of HISTORIES."""
    return payment_id_of(f"c-authorize-{order}")


def send(core: Core, *steps: str) -> None:
    """Send the commands of every order, step by step, for the first time or again."""
    for step in steps:
        for order, wanted in HISTORIES.items():
            if step == "authorize":
                core.authorize(f"c-authorize-{order}", order)
            elif step in wanted:
                getattr(core, step)(payment_of(order), f"c-{step}-{order}")


def reconcile(core: Core) -> None:
    """Do as ``payment reconcile --since`` does, with a time before the first payment."""
    with sweeping(core.settings) as sweep:
        for payment_id in sweep.candidates(ALL_TIME):
            sweep.examine(payment_id, dry_run=False)


def moved(core: Core) -> list[LedgerEntry]:
    """The movements of money that Stripe really made."""
    return core.stripe.ledger()


class Loss:
    """One database, its dump, and the Stripe account, which keeps everything."""

    def __init__(self, server: Postgres, template: str, stripe: SimulatorControl) -> None:
        self._server, self._stripe = server, stripe
        self._names = [f"lost_{secrets.token_hex(6)}"]
        server.databases.create(self._names[0], template=template)

    def dump(self) -> None:
        """Keep the database's present state; no session may be connected."""
        self._names.append(f"restored_{secrets.token_hex(6)}")
        self._server.databases.create(self._names[-1], template=self._names[0])

    @contextmanager
    def before(self) -> Iterator[Core]:
        """The database that will be lost."""
        with self._open(self._names[0]) as core:
            yield core

    @contextmanager
    def after(self, hours: float, **settings: Any) -> Iterator[Core]:
        """The restored database, after Stripe's clock has gone on; its consumer has these settings."""
        self._stripe.advance(hours * 3600)
        with self._open(self._names[-1], **settings) as core:
            yield core

    def _open(self, name: str, **settings: Any) -> AbstractContextManager[Core]:
        return running_core(self._server.databases.url(name), self._stripe, **settings)

    def close(self) -> None:
        """Drop both databases."""
        for name in self._names:
            self._server.databases.drop(name)


Between = Callable[[Core], None]
