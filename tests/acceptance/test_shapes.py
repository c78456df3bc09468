"""One command in every accepted form."""

import pytest

from tests.support.acceptance import World, authorization, fresh
from tests.support.acceptance_shapes import SHAPES, nested

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

RUNNER = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}


@pytest.mark.parametrize("form", SHAPES)
def test_each_command_in_each_form(world: World, form: str) -> None:
    shape = SHAPES[form]
    authorize = world.send("authorize_payment", authorization(amount=1234), shape=shape)
    payment_id = world.outcome(authorize).payment_id
    release = world.send("release_payment", {"payment_id": payment_id, **RUNNER}, shape=shape)
    assert world.outcome(release).payload["amount"] == 1234
    revert = world.send("revert_payment", {"payment_id": payment_id, "reason": "cold"}, shape=shape)
    assert world.outcome(revert).status == "REVERTED"
    assert world.effects(payment_id) == ["hold", "capture", "transfer", "reversal", "refund"]


@pytest.mark.parametrize("form", SHAPES)
def test_the_nested_authorize_in_each_form(world: World, form: str) -> None:
    fields = authorization(amount=2100)
    event = world.outcome(world.send("authorize_payment", nested(fields), shape=SHAPES[form]))
    payment = world.api.details(event.payment_id).body
    assert (payment["amount"], payment["currency"]) == (2100, "sgd")
    assert payment["customer_id"] == fields["customer_id"]
    assert payment["description"] == "Chicken rice, no chilli"


def test_one_command_in_two_forms_is_one_command(world: World) -> None:
    fields, correlation_id = authorization(), fresh("saga")
    for shape in SHAPES.values():
        sent = world.send("authorize_payment", fields, correlation_id=correlation_id, shape=shape, partition=0)
    payment_id = world.outcome(sent).payment_id
    world.fence(fields["order_id"], 0)
    assert len(world.events_of(payment_id)) == 2, "the authorize, and the fence"
