"""The topics in Kafka, which a loss of the database leaves whole, and the recovery from them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from devstack.saga_client import encoded, enveloped
from service.domain.books import Window
from service.domain.command_reader import read
from service.domain.messages import OutgoingMessage
from service.domain.operator_acts import Channel, Grounds
from service.domain.payment import payment_id_of
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage
from service.usecases.operations.losses import Losses, LossFinder
from service.usecases.operations.recovery import Recovery
from service.usecases.reconcile import Finding
from service.wiring import recovering
from tests.integration.core.restoring import Loss
from tests.support.core import RUNNER, Core

IDS = {"customer_id": "customer-1", "payment_method_id": "pm_card_visa", "order_id": "order-1"}
AUTHORIZE = {**IDS, "amount": 1500, "currency": "sgd"}
PAYMENT = payment_id_of("c-auth")
GROUNDS = Grounds("ada", Channel.CLI, "the restore of last night")


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

    def authorize_before_or_after_the_dump(self, loss: Loss, *, kept: bool) -> None:
        """A payment's authorize, which the dump has (``kept``) or has not."""
        if not kept:
            loss.dump()
        with loss.before() as core:
            self.authorize(core)
        if kept:
            loss.dump()

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
        with recovering(core.settings, self.losses(core), grounds=GROUNDS) as recovery:
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
