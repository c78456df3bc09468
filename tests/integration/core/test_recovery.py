"""Recovery after a restore: no command whose outcome was published acts again, and nothing is numbered twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from devstack.postgres import Postgres
from devstack.saga_client import encoded, enveloped
from devstack.stripe_simulator.client import SimulatorControl
from service.domain.books import Window
from service.domain.command_reader import read
from service.domain.messages import OutgoingMessage
from service.domain.payment import payment_id_of
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage
from service.usecases.operations.losses import Losses, LossFinder
from service.usecases.operations.recovery import Recovery
from service.usecases.reconcile import Finding
from service.wiring import recovering
from tests.integration.core.invariants import check_settled
from tests.integration.core.restoring import Loss
from tests.support.core import RUNNER, Core

IDS = {"customer_id": "customer-1", "payment_method_id": "pm_card_visa", "order_id": "order-1"}
AUTHORIZE = {**IDS, "amount": 1500, "currency": "sgd"}
PAYMENT = payment_id_of("c-auth")


@dataclass
class Topics:
    """The topics in Kafka, which a loss of the database does not affect."""

    records: list[Origin] = field(default_factory=list)
    messages: list[OutgoingMessage] = field(default_factory=list)
    _offsets: Iterator[int] = field(default_factory=count)

    def send(self, core: Core, kind: str, correlation_id: str, payload: dict[str, Any]) -> None:
        """A command arrives, and its record stays."""
        value = encoded(enveloped(kind, correlation_id, payload))
        self.records.append(Origin("payment_commands", 0, next(self._offsets), None, value, [], sent_at=_now()))
        command = read(value, "sgd")
        assert not isinstance(command, InvalidCommand | UnreadableMessage)
        core.engine.handle(command, self.records[-1])

    def authorize(self, core: Core, correlation_id: str = "c-auth") -> None:
        self.send(core, "authorize_payment", correlation_id, AUTHORIZE)

    def release(self, core: Core, correlation_id: str = "c-release") -> None:
        runner = {"runner_id": "runner-1", "runner_connect_account_id": RUNNER}
        self.send(core, "release_payment", correlation_id, {"payment_id": str(PAYMENT), **runner})

    def revert(self, core: Core, correlation_id: str = "c-revert") -> None:
        self.send(core, "revert_payment", correlation_id, {"payment_id": str(PAYMENT)})

    def published(self, core: Core) -> None:
        """Publish the outbox, as the relay does."""
        rows = core.sql("SELECT * FROM outbox ORDER BY position")
        names = ("event_id", "topic", "key", "type", "value", "headers", "sequence", "created_at")
        self.messages = [OutgoingMessage(*(row[name] for name in names)) for row in rows]

    def losses(self, core: Core) -> Losses:
        finder = LossFinder(core.database, "sgd")
        finder.messages(self.messages)
        finder.records([(origin, True) for origin in self.records])
        return finder.losses()

    def recover(self, core: Core, steps: int | None = None) -> list[Finding]:
        """Recover as ``payment reconcile --all`` does, or die after a number of records."""
        with recovering(core.settings, self.losses(core)) as recovery:
            return _recover(recovery, steps)


def _recover(recovery: Recovery, steps: int | None) -> list[Finding]:
    window = Window(datetime(2020, 1, 1, tzinfo=UTC), _now().replace(microsecond=0) + timedelta(days=2))
    seen = recovery.moved_at_stripe(window, lambda *_: None)
    for done, _ in enumerate(recovery.bring_back(), 1):
        if done == steps:
            return []
    chosen: set[UUID] = {*recovery.touched(), *seen, *recovery.sweep.candidates(every=True)}
    found = [recovery.examine(payment_id, seen, dry_run=False) for payment_id in chosen]
    recovery.append_messages()
    return found


def _now() -> datetime:
    return datetime.now(UTC)


def _events(core: Core) -> list[tuple[Any, ...]]:
    rows = core.sql("SELECT event_id, sequence, type, value FROM outbox ORDER BY key, sequence")
    return [tuple(row.values()) for row in rows]


@pytest.fixture
def topics() -> Topics:
    return Topics()


@pytest.fixture
def loss(postgres_server: Postgres, migrated_template: str, simulated_stripe: SimulatorControl) -> Iterator[Loss]:
    lost = Loss(postgres_server, migrated_template, simulated_stripe)
    yield lost
    lost.close()


@pytest.mark.parametrize("killed_after", [None, 1, 3])
@pytest.mark.parametrize("kept", [0, 1])
def test_recovery_restores_the_state_that_readers_have_seen(
    loss: Loss, topics: Topics, kept: int, killed_after: int | None
) -> None:
    """The histories include an order's second payment, which was possible only after the first was reverted."""
    with loss.before() as core:
        if kept:
            topics.authorize(core)
    loss.dump()
    with loss.before() as core:
        if not kept:
            topics.authorize(core)
        topics.release(core)
        topics.revert(core)
        topics.authorize(core, "c-again")
        topics.published(core)
        before, moved, row = _events(core), core.stripe.ledger(), core.payment(PAYMENT)
    with loss.after(hours=25) as core:
        if killed_after is not None:
            topics.recover(core, killed_after)
        assert {finding.result for finding in topics.recover(core)} <= {"repaired", "agrees"}
        assert _events(core) == before
        assert core.stripe.ledger() == moved
        same = ("status", "stripe_transfer_id", "stripe_refund_id", "event_sequence", "release_correlation_id")
        assert {name: core.payment(PAYMENT)[name] for name in same} == {name: row[name] for name in same}
        check_settled(core)
        for origin in topics.records:
            command = read(origin.value, "sgd")
            assert not isinstance(command, InvalidCommand | UnreadableMessage)
            core.engine.handle(command, origin)
        assert (_events(core), core.stripe.ledger()) == (before, moved)
        assert topics.losses(core).by_payment == {}


@pytest.mark.parametrize("kept", ["nothing", "the open command"])
def test_recovered_failed_command_makes_no_hold(loss: Loss, topics: Topics, kept: str) -> None:
    """Stripe had refused the command for a reason that no longer holds."""
    with loss.before() as core:
        if kept == "the open command":
            core.stripe.fault("drop_before", "payment_intents.create", times=1)
            topics.authorize(core)
    loss.dump()
    with loss.before() as core:
        core.stripe.fault("refuse", "payment_intents.create", times=None, status=400, type="invalid_request_error")
        if kept == "nothing":
            topics.authorize(core)
        core.settle()
        topics.published(core)
        before = _events(core)
        assert core.status(PAYMENT) == "FAILED"
        core.stripe.clear_faults()
    with loss.after(hours=25) as core:
        topics.recover(core)
        assert (core.status(PAYMENT), _events(core)) == ("FAILED", before)
        assert core.stripe.ledger() == []


def test_news_events_are_recovered_and_new_events_numbered_after_them(loss: Loss, topics: Topics) -> None:
    with loss.before() as core:
        topics.authorize(core)
    loss.dump()
    with loss.before() as core:
        topics.release(core)
        core.stripe.dashboard("refund", core.intent(PAYMENT), amount=400)
        core.hear()
        topics.published(core)
        before = _events(core)
        assert [sequence for _, sequence, _, _ in before] == [1, 2, 3]
    with loss.after(hours=1) as core:
        topics.recover(core)
        assert _events(core) == before
        core.revert(PAYMENT, "c-new")
        assert core.outcome("revert_payment", "c-new").sequence == 4


def test_recovered_command_without_its_authorize_is_not_refused(loss: Loss, topics: Topics) -> None:
    """PAYMENT_NOT_FOUND would be final. The command is named until its authorize arrives again."""
    loss.dump()
    with loss.before() as core:
        core.authorize()
        topics.release(core)
        topics.published(core)
        moved = core.stripe.ledger()
    with loss.after(hours=25, look_first="on") as core:
        (finding,) = topics.recover(core)
        assert (finding.result, finding.payment_id) == ("lost", str(PAYMENT))
        assert core.events() == []
        core.authorize()
        assert {finding.result for finding in topics.recover(core)} == {"repaired"}
        assert (core.status(PAYMENT), core.stripe.ledger()) == ("SUCCEEDED", moved)
