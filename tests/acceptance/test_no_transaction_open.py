"""During a call to Stripe the service holds no transaction and no lock."""

from collections.abc import Callable
from threading import Thread

import pytest

from devstack.saga_client import until
from tests.support.acceptance import CHALLENGED, World

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

SECONDS = 1.0
# Neither a session that waits for notifications nor the relay's advisory lock is in a transaction.
OPEN = """
    SELECT a.pid, a.state, a.query, l.locktype, l.mode
    FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid AND l.locktype <> 'advisory'
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
      AND (a.xact_start IS NOT NULL OR l.locktype IS NOT NULL)
"""


def _authorize(world: World) -> Callable[[], object]:
    return world.authorize


def _release(world: World) -> Callable[[], object]:
    held = world.held()
    return lambda: world.release(held.payment_id)


def _cancel(world: World) -> Callable[[], object]:
    held = world.held()
    return lambda: world.revert(held.payment_id)


def _refund(world: World) -> Callable[[], object]:
    released = world.released()
    return lambda: world.revert(released.payment_id)


def _read(world: World) -> Callable[[], object]:
    sent = world.authorize(CHALLENGED)
    payment = world.payment_in("REQUIRES_ACTION", sent.payload["order_id"])
    return Thread(target=world.api.details, args=(payment["payment_id"],)).start


CALLS: dict[str, Callable[[World], Callable[[], object]]] = {
    "payment_intents.create": _authorize,
    "payment_intents.capture": _release,
    "transfers.create": _release,
    "payment_intents.cancel": _cancel,
    "transfers.reversals.create": _refund,
    "refunds.create": _refund,
    "payment_intents.retrieve": _read,
}


@pytest.mark.parametrize("operation", CALLS)
def test_nothing_is_open(world: World, operation: str) -> None:
    act = CALLS[operation](world)
    world.stripe.fault("latency_before", operation, seconds=SECONDS)
    ended_before = len(world.stripe.requests(operation))
    act()
    until(lambda: world.stripe.faults()[0]["hits"], f"{operation} is under way")
    until(lambda: not world.sql(OPEN), "no transaction is open")
    assert len(world.stripe.requests(operation)) == ended_before, "the call had ended before the last transaction did"
    until(lambda: len(world.stripe.requests(operation)) > ended_before, f"{operation} ends")
