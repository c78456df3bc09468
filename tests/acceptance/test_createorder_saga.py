"""The published CampusG create-order saga works without change."""

from collections.abc import Iterator
from typing import Any

import pytest

from devstack.kafka import Kafka
from devstack.readers.libraries import LibraryUnavailableError
from devstack.saga_client import until
from relay.readers import look
from tests.support.acceptance import DECLINED, VISA, World, fresh
from tests.support.acceptance_campusg import CreateOrder, CreateOrderSaga
from tests.support.reading.saga import PublishedSaga
from tests.support.requirements import unavailable

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.kafka,
    # The published saga's arguments for kafka-python still work there.
    pytest.mark.filterwarnings("ignore:value_.*serializer does not implement:DeprecationWarning"),
]

Saga = CreateOrderSaga | PublishedSaga
ORDER = {"amount": 1599, "description": "Food order from Koufu"}


NEWEST = "newest kafka-python, exactly-once"
PINNED = "kafka-python 2.0.2, at-least-once"


@pytest.fixture(scope="module", params=[pytest.param(PINNED, marks=pytest.mark.real_kafka), NEWEST])
def library(request: pytest.FixtureRequest) -> str:
    """The saga's Kafka library, and a delivery that it can read.

    The old library is first, because it reads the topic from its beginning and the other delivery adds control records.
    """
    return str(request.param)


@pytest.fixture(scope="module")
def suited(_campusg: World, kafka: Kafka, library: str) -> Iterator[World]:
    """The world with a relay of that delivery; a relay of the other kind may be standby."""
    if library == PINNED or kafka.kind == "mock":
        yield _campusg
        return
    relay = _campusg.application.another("relay", {"RELAY_DELIVERY": "exactly-once"})
    _campusg.application.services["relay"].stop()
    relay.start()
    relay.wait_until_ready()
    yield _campusg
    relay.stop()


@pytest.fixture
def saga(suited: World, campusg: World, kafka: Kafka, library: str) -> Iterator[Saga]:
    try:
        made = CreateOrderSaga if library == NEWEST else PublishedSaga
        orchestrator = made(kafka, campusg.topics)
    except LibraryUnavailableError as error:
        unavailable(library, error)
    yield orchestrator
    orchestrator.close()


def _customer(card: str = VISA) -> dict[str, Any]:
    return {
        "clerkUserId": fresh("user"),
        "stripeCustomerId": "",
        "userStripeCard": {"payment_method_id": card, "last4": "4242", "brand": "visa"},
    }


def _reach(run: CreateOrder, step: str) -> None:
    until(lambda: run.step == step, f"{run} at {step}")


def test_authorized_then_compensated_under_the_same_correlation_id(campusg: World, saga: Saga) -> None:
    order_id, customer = fresh("order"), _customer()
    run = saga.start(order_id, customer, ORDER)
    _reach(run, "UPDATE_ORDER_STATUS")
    payment = campusg.api.status(order_id).body
    assert (payment["amount"], payment["currency"], payment["status"]) == (1599, "sgd", "AUTHORIZED")
    assert (payment["customer_id"], payment["description"]) == (customer["clerkUserId"], ORDER["description"])
    saga.compensate(run)
    _reach(run, "COMPENSATED")
    assert [event["type"] for event in run.heard] == ["payment.authorized", "payment.released"]
    assert campusg.effects(payment["payment_id"]) == ["hold", "cancel"]
    assert campusg.api.status(order_id).body["status"] == "REVERTED"


def test_a_declined_card_fails_the_saga(campusg: World, saga: Saga) -> None:
    run = saga.start(fresh("order"), _customer(DECLINED), ORDER)
    _reach(run, "FAILED")
    assert run.heard[0]["payload"]["error"] == "CARD_DECLINED"


def test_each_of_many_concurrent_sagas_receives_its_own_events(campusg: World, saga: Saga) -> None:
    runs = [saga.start(fresh("order"), _customer(), ORDER) for _ in range(8)]
    for run in runs:
        _reach(run, "UPDATE_ORDER_STATUS")
    for run in runs[::2]:
        saga.compensate(run)
    for run in runs[::2]:
        _reach(run, "COMPENSATED")
    assert [len(run.heard) for run in runs] == [2, 1] * 4


@pytest.mark.real_kafka
def test_saga_whose_library_loses_transactions_is_recognized(campusg: World, saga: Saga, library: str) -> None:
    _reach(saga.start(fresh("order"), _customer(), ORDER), "UPDATE_ORDER_STATUS")
    found = look({"bootstrap.servers": campusg.info.kafka_bootstrap_servers}, campusg.topics.events)
    assert [reader.client_id for reader in found.losing] == (["kafka-python-2.0.2"] if library == PINNED else [])
