"""Ten sagas, during which consumer and relay are killed with kill -9."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from devstack.saga_client import Sent, until
from devstack.service_process import ServiceName
from tests.support.acceptance import World

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

SAGAS = 10
THINKING = 0.15
OUTCOMES = {"release_payment": "payment.released SUCCEEDED", "revert_payment": "payment.reverted REVERTED"}
EFFECTS = {"release_payment": ["hold", "capture", "transfer"], "revert_payment": ["hold", "cancel"]}


@dataclass
class Saga:
    """Authorizes, then releases or reverts, each after the event of the step before."""

    authorize: Sent
    then: Callable[[str], Sent]
    payment_id: str | None = None
    second: Sent | None = None


@dataclass(frozen=True)
class Kill:
    """The process to kill, after these numbers of requests at Stripe and of received events."""

    who: ServiceName
    requests: int = 0
    events: int = 0


KILLS = (
    Kill("consume", requests=4),
    Kill("relay", events=2),
    Kill("consume", requests=16),
    Kill("relay", events=12),
    Kill("relay", events=14),
)


def test_every_effect_and_every_event_happens_once(world: World) -> None:
    world.stripe.traffic(latency_before=THINKING, latency_after=THINKING)
    requests_before = _requests(world)
    sagas = [Saga(world.authorize(), world.release if number % 2 else world.revert, None) for number in range(SAGAS)]
    kills = list(KILLS)

    def done() -> bool:
        events = sum(_go_on(world, saga) for saga in sagas)
        if kills and events >= kills[0].events and _requests(world) - requests_before >= kills[0].requests:
            victim = world.application.services[kills.pop(0).who]
            victim.kill()
            victim.start()
        return not kills and events == 2 * SAGAS

    until(done, "each saga ends", seconds=90)
    world.held()  # all earlier rows of the outbox have been published, with any repeats
    for saga in sagas:
        assert saga.payment_id is not None
        assert saga.second is not None
        kind = saga.second.type
        assert world.summaries(saga.payment_id) == [
            "authorize_payment: payment.authorized AUTHORIZED",
            f"{kind}: {OUTCOMES[kind]}",
        ]
        assert world.effects(saga.payment_id) == EFFECTS[kind]
    world.audit()


def _requests(world: World) -> int:
    return sum(world.stripe.request_counts().values())


def _go_on(world: World, saga: Saga) -> int:
    """Sends the second command after the first outcome event; returns the number of outcome events."""
    answers = [sent.answers for sent in (saga.authorize, saga.second) if sent is not None]
    heard = world.heard.records(lambda r: r.topic == world.topics.events and r.answers in answers)
    if heard and saga.second is None:
        saga.payment_id = heard[0].payment_id
        saga.second = saga.then(saga.payment_id)
    return len({record.answers for record in heard})
