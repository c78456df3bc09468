"""A repeated command has no effect, causes no event and delays no other command."""

import pytest

from tests.support.acceptance import World, authorization, fresh

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_the_same_command_in_two_partitions_at_once(world: World) -> None:
    fields, correlation_id = authorization(), fresh("saga")
    for _ in range(3):
        for partition in (0, 1):
            sent = world.send("authorize_payment", fields, correlation_id=correlation_id, partition=partition)
    payment_id = world.outcome(sent).payment_id
    world.fence(fields["order_id"], 0, 1)
    assert world.summaries(payment_id)[1:] == ["authorize_payment: payment.failed ORDER_ALREADY_PAID"] * 2
    assert world.effects(payment_id) == ["hold"]


def test_release_repeated_after_its_outcome(world: World) -> None:
    held = world.held()
    runner = {"runner_id": "runner-1", "runner_connect_account_id": "acct_runner"}
    payload, correlation_id = {"payment_id": held.payment_id, **runner}, fresh("saga")
    for partition in (0, 1, 1):
        sent = world.send("release_payment", payload, correlation_id=correlation_id, partition=partition)
        world.outcome(sent)
    world.fence(held.payload["order_id"], 0, 1)
    assert world.summaries(held.payment_id)[1] == "release_payment: payment.released SUCCEEDED"
    assert len(world.events_of(held.payment_id)) == 4, "the hold, the release, and the two fences"
    assert world.effects(held.payment_id) == ["hold", "capture", "transfer"]


def test_repeated_command_key_with_other_content_is_a_dead_letter(world: World) -> None:
    fields, correlation_id = authorization(), fresh("saga")
    first = world.send("authorize_payment", fields, correlation_id=correlation_id)
    payment_id = world.outcome(first).payment_id
    for amount in (1, fields["amount"] + 1):
        other = world.send(
            "authorize_payment", {**fields, "amount": amount}, correlation_id=correlation_id, partition=0
        )
        assert world.letter(other.place)["reason"] == "CORRELATION_ID_REUSED"
    world.fence(fields["order_id"], 0)
    assert len(world.events_of(payment_id)) == 2, "the hold and the fence: what was reused got no event"
    assert world.api.details(payment_id).body["amount"] == fields["amount"]


def test_one_correlation_id_for_different_commands_is_no_duplicate(world: World) -> None:
    held = world.held()
    revert = world.revert(held.payment_id, correlation_id=held.correlation_id)
    assert world.outcome(revert).type == "payment.reverted"
    assert world.effects(held.payment_id) == ["hold", "cancel"]
