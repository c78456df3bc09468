"""What happens in a storm, all of it told by the seed: which sagas, in which order, and who is killed when.

How the processes' own work falls in between is up to the clock, and is no part of the plan.
"""

import random
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a saga goes."""

    PAID = "paid and released"
    PAID_TWICE = "released again"
    REVERTED = "authorised, then reverted"
    REFUNDED = "released, then reverted"
    CHALLENGED = "3-D Secure, then released"
    FAILED_CHALLENGE = "3-D Secure failed"
    ABANDONED = "reverted before 3-D Secure"
    DECLINED = "declined"
    TAKEN = "second authorise of an order"
    UNREADABLE = "not a command"
    INVALID = "a command that cannot be carried out"


class Victim(StrEnum):
    """What is killed."""

    CONSUMER = "consumer"
    RELAY = "relay"
    SERVICE = "service"
    POSTGRES = "PostgreSQL"
    KAFKA = "Kafka"


_KINDS = {
    Kind.PAID: 26,
    Kind.PAID_TWICE: 5,
    Kind.REVERTED: 16,
    Kind.REFUNDED: 12,
    Kind.CHALLENGED: 14,
    Kind.FAILED_CHALLENGE: 4,
    Kind.ABANDONED: 6,
    Kind.DECLINED: 6,
    Kind.TAKEN: 5,
    Kind.UNREADABLE: 3,
    Kind.INVALID: 3,
}
"""How often, of a hundred."""

_VICTIMS = {Victim.CONSUMER: 38, Victim.RELAY: 32, Victim.SERVICE: 14, Victim.POSTGRES: 11, Victim.KAFKA: 5}
_FREEZABLE = (Victim.CONSUMER, Victim.RELAY)
_COPIES = (1, 1, 1, 2, 3)


@dataclass(frozen=True)
class Saga:
    """One saga's choices. ``copies``: how often each of its commands is sent, by the command's number in the saga."""

    number: int
    kind: Kind
    amount: int
    over_http: bool
    copies: tuple[int, ...]

    @property
    def name(self) -> str:
        """Its order, and the beginning of its correlation ids."""
        return f"storm-{self.number}"


@dataclass(frozen=True)
class Blow:
    """``victim`` dies, or is frozen past its takeover, once so many sagas are over; ``which`` of its kind."""

    victim: Victim
    after: int
    which: int
    frozen: bool = False


@dataclass(frozen=True)
class Plan:
    """Sagas in the order in which they begin, blows in the order in which they come."""

    sagas: tuple[Saga, ...]
    blows: tuple[Blow, ...]


def make_plan(sagas: int, kills: int, seed: int) -> Plan:
    """The same for the same numbers. Every kind of victim is killed at least once where there are kills enough.

    For every ten kills a process is frozen as well, and goes on when others have long taken over.
    """
    chooser = random.Random(seed)  # noqa: S311 - repeatable on purpose
    kinds = chooser.choices(list(_KINDS), list(_KINDS.values()), k=sagas)
    killed = [*list(Victim)[:kills], *chooser.choices(list(_VICTIMS), list(_VICTIMS.values()), k=kills)][:kills]
    blows = [(victim, False) for victim in killed] + [(chooser.choice(_FREEZABLE), True) for _ in range(kills // 10)]
    chooser.shuffle(blows)
    # none at the very end: there must be something to disturb
    moments = sorted(chooser.randrange(max(1, sagas * 9 // 10)) for _ in blows)
    return Plan(
        sagas=tuple(_saga(number, kind, chooser) for number, kind in enumerate(kinds)),
        blows=tuple(
            Blow(victim, after, chooser.randrange(2), frozen)
            for (victim, frozen), after in zip(blows, moments, strict=True)
        ),
    )


def _saga(number: int, kind: Kind, chooser: random.Random) -> Saga:
    return Saga(
        number=number,
        kind=kind,
        amount=chooser.randrange(100, 100_000),
        over_http=chooser.random() < 0.3,
        copies=tuple(chooser.choice(_COPIES) for _ in range(4)),
    )
