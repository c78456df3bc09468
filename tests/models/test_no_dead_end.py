"""No state is a dead end: commands, looks and time lead from every reachable state to a good end.

The walk covers every state that one payment reaches by our commands in any order, by webhooks and looks at any time,
and by a limited number of rare moves: actions of strangers in the Dashboard, lost answers, missed deadlines.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from service.domain.ledger import Money
from service.domain.payment import PaymentStatus
from service.domain.stripe_objects import IntentStatus
from tests.models import stripe_side, world_commands
from tests.models.payment_world import Hearing, Open, World
from tests.models.world_commands import Move
from tests.unit.domain import facts

RARE_MOVES = 2
FIRST = World(facts.payment("INITIATING", ""), opened=(Open(facts.AUTHORIZE),))
ENDED = frozenset({PaymentStatus.FAILED, PaymentStatus.REVERTED})


@dataclass(repr=False)
class Walk:
    """Every reached world, the first way to it, and the worlds from which time, looks and commands lead to it."""

    worlds: list[World] = field(default_factory=list)
    come_by: list[tuple[int, str]] = field(default_factory=list)
    before: list[list[int]] = field(default_factory=list)
    _numbers: dict[Any, int] = field(default_factory=dict)
    _hearing: Hearing = field(default_factory=Hearing)

    def go(self) -> None:
        """Breadth first, and fewer rare moves before more, so that the first trace is short."""
        ahead = [(FIRST, -1, "")]
        for more in reversed(range(RARE_MOVES + 1)):
            queue = [self._number(*found) for found in ahead if found[0].key not in self._numbers]
            ahead = []
            for number in queue:
                for move in self._moves(self.worlds[number], rare=more > 0):
                    if move.rare:
                        ahead.append((move.after, number, move.name))
                        continue
                    if move.after.key not in self._numbers:
                        queue.append(self._number(move.after, number, move.name))
                    self.before[self._numbers[move.after.key]].append(number)

    def _number(self, world: World, come_from: int, name: str) -> int:
        if world.key in self._numbers:
            return self._numbers[world.key]
        self.worlds.append(world)
        self.come_by.append((come_from, name))
        self.before.append([])
        return self._numbers.setdefault(world.key, len(self.worlds) - 1)

    def _moves(self, world: World, *, rare: bool) -> Iterator[Move]:
        yield from self._by_others(world, rare=rare)
        for command in (facts.RELEASE, facts.REVERT):
            if not world.has(type(command)):
                yield Move(f"asked: {command.type}", replace(world, opened=(*world.opened, Open(command))))
        yield from (move for move in world_commands.moves(world) if rare or not move.rare)

    def _by_others(self, world: World, *, rare: bool) -> Iterator[Move]:
        side = world.side
        if side is None:
            return
        if side.intent.status is IntentStatus.REQUIRES_ACTION:
            yield Move("the customer authenticates", replace(world, side=stripe_side.held(side)))
            yield Move("the customer fails to authenticate", replace(world, side=stripe_side.declined(side)))
        yield from (Move(name, replace(world, side=after)) for name, after in stripe_side.time(side))
        yield from (Move(*heard) for heard in self._hearing.of(world, side))
        if rare:
            yield from (Move(name, replace(world, side=after), True) for name, after in stripe_side.strangers(side))

    def without_way_to(self, end: Callable[[World], bool]) -> list[int]:
        """The worlds that reach no end without more rare moves."""
        reached = [number for number, world in enumerate(self.worlds) if end(world)]
        good = set(reached)
        for number in reached:
            fresh = [before for before in self.before[number] if before not in good]
            good.update(fresh)
            reached += dict.fromkeys(fresh)
        return [number for number in range(len(self.worlds)) if number not in good]

    def trace(self, number: int) -> str:
        """The moves to this world."""
        names = []
        while number >= 0:
            number, name = self.come_by[number]
            names.append(name)
        return ", ".join(filter(None, reversed(names)))


def is_settled(world: World) -> bool:
    """Every command has its outcome, and the books equal Stripe's side."""
    return not world.opened and world.payment.money == (
        Money() if world.side is None else stripe_side.money_of(world.side)
    )


def is_good_end(world: World) -> bool:
    """A settled world in which the customer's and the runner's money is where the status says.

    The rest of a charge with a lost dispute cannot be returned, because Stripe refunds no such charge.
    """
    payment, money = world.payment, world.payment.money
    if not is_settled(world) or money.contested:
        return False
    if payment.status is PaymentStatus.SUCCEEDED:
        effective = payment.stripe_transfer_id is not None and payment.stripe_reversal_id is None
        return effective and money.left == money.captured == money.outstanding
    lost = world.side is not None and stripe_side.charged_back(world.side)
    return payment.status in ENDED and money.held == money.outstanding == 0 and (money.left == 0 or lost)


@pytest.fixture(scope="module")
def walk() -> Walk:
    walked = Walk()
    walked.go()
    return walked


def test_from_every_state_all_commands_are_answered_and_the_books_equal_stripes_side(walk: Walk) -> None:
    assert [walk.trace(number) for number in walk.without_way_to(is_settled)] == []


def dead_ends(walk: Walk) -> list[int]:
    """Worlds at rest without a way to a good end."""
    return [number for number in walk.without_way_to(is_good_end) if is_settled(walk.worlds[number])]


def test_no_state_is_a_dead_end(walk: Walk) -> None:
    assert [walk.trace(number) for number in dead_ends(walk)] == []
