"""The walks in docs/architecture.md name every file that the work enters, and no other."""

import json
import threading
from typing import cast

import pytest
from confluent_kafka import Message

from consumer.intake import Intake
from consumer.offsets import OffsetTracker
from consumer.workers import Workers
from service.domain.commands.catalog import Command
from service.domain.received_records import Origin
from service.usecases.accept import CommandEngine
from service.usecases.durability import Durable
from tests.support.core import CHALLENGED, VISA, Core, authorization
from tests.support.walk import files_entered, files_of_walk
from tests.unit.consumer.doubles import LONG, FakeMessage

pytestmark = pytest.mark.postgres


class Announced(Durable):
    """Announces each handled command."""

    def __init__(self, engine: CommandEngine) -> None:
        super().__init__(engine)
        self.handled = threading.Event()

    def handle(self, command: Command, origin: Origin) -> None:
        super().handle(command, origin)
        self.handled.set()


def test_documented_walk_of_an_authorize_lists_the_files_it_runs(core: Core) -> None:
    core.authorize("c-before", "order-before")  # work that a process does only once is no part of the walk
    fields = {"customer_id": "c", "payment_method_id": VISA, "amount": 1500, "currency": "sgd", "order_id": "walked"}
    value = json.dumps({"type": "authorize_payment", "correlation_id": "c-walked", "payload": fields}).encode()
    tracker = OffsetTracker()
    tracker.assign(("commands", 0))

    def record_comes() -> None:
        workers, commands = Workers(1), Announced(core.engine)
        Intake(commands, workers, tracker, "sgd").accept(cast(Message, FakeMessage(value)))
        assert commands.handled.wait(LONG)
        assert workers.stop(LONG) == 0

    entered = files_entered(record_comes)
    assert core.status(core.payment_id("walked")) == "AUTHORIZED"
    assert sorted(entered) == sorted(files_of_walk("An authorize, from its record to the outbox"))


def test_documented_walk_of_a_webhook_lists_the_files_it_runs(core: Core) -> None:
    core.handle(authorization("c-before", "order-before", CHALLENGED))
    before = core.payment_id("order-before")
    core.stripe.finish_challenge(core.intent(before))
    core.deliver(core.stripe_events(core.intent(before))[-1])
    payment = core.authorize("c-walked", "walked", CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment))
    event = core.stripe_events(core.intent(payment))[-1]
    entered = files_entered(lambda: core.deliver(event))
    assert core.status(payment) == "AUTHORIZED"
    assert sorted(entered) == sorted(files_of_walk("A webhook, from its body to the outbox"))
