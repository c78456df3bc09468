"""SIGTERM drains: exit code 0 within the grace period, and nothing is lost."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import urllib3

from devstack.saga_client import until
from devstack.service_process import ALL_SERVICES, ServiceName
from tests.support.acceptance import World, authorization

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

RUNNER = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}


@pytest.mark.parametrize("name", ALL_SERVICES)
def test_idle_process_ends_with_exit_code_0(world: World, name: ServiceName) -> None:
    assert world.application.services[name].stop() == 0


@pytest.mark.parametrize("seconds", [1.0, 6.0], ids=["slow", "slower than the grace period"])
@pytest.mark.parametrize("when", ["latency_before", "latency_after"])
def test_consumer_stops_during_a_slow_call_to_stripe(world: World, when: str, seconds: float) -> None:
    fields = authorization()
    metadata = {"order_id": fields["order_id"]}
    world.stripe.fault(
        "latency_before" if when == "latency_before" else "latency_after",
        "payment_intents.create",
        metadata=metadata,
        seconds=seconds,
    )
    sent = world.send("authorize_payment", fields)
    until(lambda: world.stripe.faults()[0]["hits"], "Stripe thinks")
    consumer = world.application.services["consume"]
    assert consumer.stop() == 0
    consumer.restart()
    event = world.outcome(sent)
    assert event.status == "AUTHORIZED"
    assert world.effects(event.payment_id) == ["hold"]


def test_commands_waiting_in_kafka_are_processed_after_a_restart(world: World) -> None:
    consumer = world.application.services["consume"]
    assert consumer.stop() == 0
    sent = [world.authorize() for _ in range(5)]
    consumer.restart()
    assert [world.outcome(one).status for one in sent] == ["AUTHORIZED"] * 5


def test_relay_stops_during_publishing_and_loses_nothing(world: World) -> None:
    relay = world.application.services["relay"]
    sent = [world.authorize() for _ in range(10)]
    world.outcome(sent[0])
    assert relay.stop() == 0
    sent += [world.authorize() for _ in range(3)]
    relay.restart()
    assert [world.outcome(one).status for one in sent] == ["AUTHORIZED"] * 13


def test_running_http_requests_are_answered(world: World) -> None:
    held = [world.held() for _ in range(4)]
    serve, stop = world.application.services["serve"], Event()

    def post_until_refused(payment_id: str) -> list[str]:
        queued: list[str] = []
        while not stop.is_set():
            try:
                reply = world.api.release(payment_id, RUNNER)
            except urllib3.exceptions.HTTPError:
                stop.set()  # the listener is closed
            else:
                assert reply.status == 202, reply.raw
                queued.append(reply.body["correlation_id"])
        return queued

    with ThreadPoolExecutor(4) as callers:
        posting = [callers.submit(post_until_refused, event.payment_id) for event in held]
        until(lambda: world.summaries(held[0].payment_id)[1:], "the first is released")
        code = serve.stop()
        stop.set()
    assert code == 0
    for done in posting:
        for correlation_id in done.result():
            assert world.outcome_of("release_payment", correlation_id).status == "SUCCEEDED"
