"""The published CampusG create-order saga works without change."""

from collections.abc import Iterator
from typing import Any

import pytest

from devstack.kafka import Kafka
from tests.support.acceptance import DECLINED, VISA, World, fresh, until
from tests.support.acceptance_campusg import CreateOrder, CreateOrderSaga

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.kafka,
    # what the published saga passes to kafka-python still works there
    pytest.mark.filterwarnings("ignore:value_.*serializer does not implement:DeprecationWarning"),
]

ORDER = {"amount": 1599, "description": "Food order from Koufu"}


@pytest.fixture
def saga(campusg: World, kafka: Kafka) -> Iterator[CreateOrderSaga]:
    orchestrator = CreateOrderSaga(kafka, campusg.topics)
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


def test_authorised_then_compensated_under_the_same_correlation_id(campusg: World, saga: CreateOrderSaga) -> None:
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


def test_a_declined_card_fails_the_saga(campusg: World, saga: CreateOrderSaga) -> None:
    run = saga.start(fresh("order"), _customer(DECLINED), ORDER)
    _reach(run, "FAILED")
    assert run.heard[0]["payload"]["error"] == "CARD_DECLINED"


def test_many_sagas_at_once_each_hear_their_own(campusg: World, saga: CreateOrderSaga) -> None:
    runs = [saga.start(fresh("order"), _customer(), ORDER) for _ in range(8)]
    for run in runs:
        _reach(run, "UPDATE_ORDER_STATUS")
    for run in runs[::2]:
        saga.compensate(run)
    for run in runs[::2]:
        _reach(run, "COMPENSATED")
    assert [len(run.heard) for run in runs] == [2, 1] * 4
