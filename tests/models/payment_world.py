"""One payment in its world: the service's record, its open commands and Stripe's side."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from operator import attrgetter
from typing import Any

from service.domain.commands.cancel_hold import CancelHold
from service.domain.commands.catalog import StoredCommand
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.intent_state import SEEN_BY_STATUS, Observed, Seen
from service.domain.learning import Situation, learn_intent, learn_picture
from service.domain.ledger import Ledger
from service.domain.next_step import Step
from service.domain.payment import Payment
from service.domain.stripe_objects import IntentStatus, Picture, StepResult
from tests.models.modeled_gateway import ModeledGateway
from tests.unit.domain.facts import HOLD, NOW

_FACTS = attrgetter(*(field.name for field in fields(Payment) if field.name != "failure"))


@dataclass(frozen=True)
class Open:
    """A command without an outcome. ``kept``: the answer that Stripe stored under ``step``'s key and that was lost."""

    command: StoredCommand
    waiting: bool = False
    step: Step | None = None
    kept: StepResult | None = None


@dataclass(frozen=True, eq=False)
class World:
    payment: Payment
    ledger: Ledger = field(default_factory=Ledger)
    side: Picture | None = None
    opened: tuple[Open, ...] = ()

    @cached_property
    def record(self) -> Any:
        """The service's knowledge. Only the code of a failure matters."""
        return (_FACTS(self.payment), (self.payment.failure or {}).get("error"), frozenset(self.ledger.rows))

    @cached_property
    def key(self) -> Any:
        """Worlds with the same key have the same future."""
        return (self.record, self.side, self.opened)

    def has(self, kind: type[StoredCommand]) -> bool:
        return any(isinstance(one.command, kind) for one in self.opened)


class AnsweredTwiceError(AssertionError):
    """A second outcome of a command."""


def written(world: World, observed: Observed) -> World:
    """The world after the transaction that follows a look or an answer. Raises AnsweredTwiceError."""
    if not observed.payment.money.adds_up:
        raise AssertionError("the database refuses these sums")
    opened = world.opened
    for answer in observed.answers:
        if answer.command_type is not None:
            key = (answer.command_type, answer.correlation_id)
            rest = tuple(one for one in opened if (one.command.type, one.command.correlation_id) != key)
            if rest == opened:
                raise AnsweredTwiceError(key)
            opened = rest
    if observed.cancel_hold and not world.has(CancelHold):
        opened = (*opened, Open(HOLD))
    return World(observed.payment, world.ledger.with_movements(observed.movements), world.side, opened)


class Hearing:
    """The effect of webhooks about the intent, old ones too, and of the look after every other webhook."""

    def __init__(self) -> None:
        self._learnt: dict[Any, list[tuple[str, Observed]]] = {}

    def of(self, world: World, side: Picture) -> Iterator[tuple[str, World]]:
        """The answers to the webhook, and the world after it."""
        key = (world.record, side, world.has(Revert))
        if key not in self._learnt:
            self._learnt[key] = [(name, learnt) for name, learnt in _learnt(world, side) if _changes(learnt, world)]
        yield from ((name, written(world, observed)) for name, observed in self._learnt[key])


def _changes(learnt: Observed, world: World) -> bool:
    return learnt.payment != world.payment or bool(learnt.movements) or learnt.cancel_hold


def _learnt(world: World, side: Picture) -> Iterator[tuple[str, Observed]]:
    intent, payment = side.intent, world.payment
    cancels = world.has(Revert) or world.has(CancelHold)
    heard = Situation(NOW, world.has(Revert), world.ledger.keys, captures=world.has(Release), cancels=cancels)
    yield f"hears: {intent.status}", learn_intent(payment, SEEN_BY_STATUS[intent.status], intent, heard)
    if intent.charge_id is not None and intent.error is None:
        before = replace(intent, status=IntentStatus.REQUIRES_CAPTURE, received=0)
        yield "hears late: held", learn_intent(payment, Seen.HELD, before, heard)
    yield "looks", learn_picture(payment, ModeledGateway(side).look_at(intent.id), heard)
