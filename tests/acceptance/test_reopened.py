"""A saga's revert failed, and its only correlation id is used. An operator reopens the command."""

import os

import pytest
from click.testing import CliRunner

from commandline.main import cli
from devstack.saga_client import until
from tests.support.acceptance import World, fresh

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def test_failed_revert_is_reopened_and_survives_kill_nine(world: World, quiet: None) -> None:
    saga = fresh("saga")
    payment_id = world.outcome(world.authorize(correlation_id=saga)).payment_id
    world.outcome(world.release(payment_id))
    world.stripe.fault("refuse", "refunds.create", code="some_refusal", message="Not now.")
    asked = world.revert(payment_id, correlation_id=saga)
    assert world.outcome(asked).summary == "revert_payment: payment.failed STRIPE_ERROR"

    world.revert(payment_id, correlation_id=saga)  # the saga asks again: a duplicate
    world.fence(world.sql("SELECT order_id FROM payments WHERE payment_id = %s", payment_id)[0]["order_id"])
    assert len(world.summaries(payment_id)) == 4

    world.stripe.fault("latency_after", "refunds.create", seconds=2.0)
    refunds = len(world.stripe.requests("refunds.create"))
    reopened = CliRunner(env={**os.environ, "DATABASE_URL": world.info.database_url}).invoke(
        cli,
        ["command", "reopen", saga, "--type", "revert_payment", "--because", "balance topped up", "--yes"],
    )
    assert reopened.exit_code == 0, reopened.output
    until(lambda: len(world.stripe.requests("refunds.create")) > refunds or None, "the refund is asked for")
    consumer = world.application.services["consume"]
    consumer.kill()
    consumer.start()

    until(lambda: world.summaries(payment_id)[-1] == "revert_payment: payment.reverted REVERTED" or None, "its answer")
    assert world.effects(payment_id) == ["hold", "capture", "transfer", "reversal", "refund"]
    answers = [event for event in world.events_of(payment_id) if event.answers == ("revert_payment", saga)]
    assert [event.summary for event in answers] == [
        "revert_payment: payment.failed STRIPE_ERROR",
        "revert_payment: payment.reverted REVERTED",
    ]
    consumer.wait_until_ready()
