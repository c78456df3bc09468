"""The published CampusG complete-order saga works without change."""

import pytest

from tests.support.acceptance import World
from tests.support.acceptance_campusg import CompleteOrderSaga

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_the_runner_is_paid(campusg: World) -> None:
    held = campusg.held(amount=2350)
    saga = CompleteOrderSaga(campusg.info.http_url)
    payment_id = saga.get_payment_id(held.payload["order_id"])
    assert payment_id == held.payment_id
    answer = saga.release_funds(payment_id, "user_runner", "acct_1Runner")
    assert answer["success"] is True
    event = campusg.outcome_of("release_payment", answer["correlation_id"])
    assert (event.type, event.payload["runner_id"], event.payload["amount"]) == (
        "payment.released",
        "user_runner",
        2350,
    )
    assert campusg.effects(payment_id) == ["hold", "capture", "transfer"]


def test_rollback_of_complete_order_refunds_the_money(campusg: World) -> None:
    released = campusg.released()
    saga = CompleteOrderSaga(campusg.info.http_url)
    answer = saga.rollback_release_funds(released.payment_id)
    event = campusg.outcome_of("revert_payment", answer["correlation_id"])
    assert event.summary == "revert_payment: payment.released REVERTED"
    assert campusg.effects(released.payment_id)[-2:] == ["reversal", "refund"]
