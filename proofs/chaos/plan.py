"""The plan of a chaos run, which the seed decides: the sagas, their order, and the faults with their times.

The interleaving with the processes' work depends on the clock and is not part of the plan.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of sagas."""

    PAID = "paid and released"
    PAID_TWICE = "released again"
    REVERTED = "authorized, then reverted"
    REFUNDED = "released, then reverted"
    CHALLENGED = "3-D Secure, then released"
    FAILED_CHALLENGE = "3-D Secure failed"
    ABANDONED = "reverted before 3-D Secure"
    DECLINED = "declined"
    TAKEN = "second authorize of an order"
    REFUNDED_OUTSIDE = "released, refunded in the Dashboard, then reverted"
    PART_REFUNDED = "released, a part refunded in the Dashboard"
    PART_CAPTURED = "a part captured in the Dashboard, then released"
    REFUND_FAILS = "reverted, the refund fails, then reverted again"
    REVERSED_OUTSIDE = "released, taken back in the Dashboard, then reverted"
    DISPUTE_WON = "released, disputed, the dispute won"
    DISPUTE_LOST = "released, disputed, the dispute lost, then reverted"
    STRANGER = "a stranger's intent names the payment"
    UNREADABLE = "not a command"
    INVALID = "a command that cannot be carried out"


class Attack(StrEnum):
    """Kinds of attacks on the service and its servers."""

    CONSUMER_KILLED = "consumer killed"
    RELAY_KILLED = "relay killed"
    SERVICE_KILLED = "service killed"
    POSTGRES_KILLED = "PostgreSQL killed"
    KAFKA_KILLED = "Kafka killed"
    CONSUMER_FROZEN = "consumer frozen past its takeover"
    RELAY_FROZEN = "relay frozen past its takeover"
    CONSUMER_PAUSED = "consumer paused again and again"
    REBALANCED = "consumers rebalanced while full"
    PROMOTED = "PostgreSQL promoted"
    RESTORED = "database restored in place"
    ROWS_LOCKED = "payment rows locked"
    OUTBOX_LOCKED = "outbox locked"
    STRANGE_ROWS = "rows of a stranger, refused ones among them"
    HOMELESS_ROWS = "rows for a missing topic"
    LARGE_COMMANDS = "large commands"
    POSTGRES_SILENT = "silent network to PostgreSQL"
    KAFKA_SILENT = "silent network to Kafka"
    POSTGRES_AWAY = "PostgreSQL away for long"
    KAFKA_AWAY = "Kafka away for long"


_KINDS = {
    Kind.PAID: 20,
    Kind.PAID_TWICE: 4,
    Kind.REVERTED: 12,
    Kind.REFUNDED: 10,
    Kind.CHALLENGED: 10,
    Kind.REFUNDED_OUTSIDE: 3,
    Kind.PART_REFUNDED: 2,
    Kind.PART_CAPTURED: 2,
    Kind.REFUND_FAILS: 3,
    Kind.REVERSED_OUTSIDE: 2,
    Kind.DISPUTE_WON: 2,
    Kind.DISPUTE_LOST: 2,
    Kind.STRANGER: 2,
    Kind.FAILED_CHALLENGE: 4,
    Kind.ABANDONED: 6,
    Kind.DECLINED: 6,
    Kind.TAKEN: 5,
    Kind.UNREADABLE: 3,
    Kind.INVALID: 3,
}
"""Frequency in a hundred."""

_ATTACKS = {
    Attack.CONSUMER_KILLED: 26,
    Attack.RELAY_KILLED: 22,
    Attack.SERVICE_KILLED: 10,
    Attack.POSTGRES_KILLED: 7,
    Attack.KAFKA_KILLED: 3,
    Attack.CONSUMER_FROZEN: 4,
    Attack.RELAY_FROZEN: 4,
    Attack.CONSUMER_PAUSED: 4,
    Attack.REBALANCED: 2,
    Attack.PROMOTED: 2,
    Attack.RESTORED: 2,
    Attack.ROWS_LOCKED: 3,
    Attack.OUTBOX_LOCKED: 1,
    Attack.STRANGE_ROWS: 3,
    Attack.HOMELESS_ROWS: 1,
    Attack.LARGE_COMMANDS: 1,
    Attack.POSTGRES_SILENT: 2,
    Attack.KAFKA_SILENT: 1,
    Attack.POSTGRES_AWAY: 1,
    Attack.KAFKA_AWAY: 1,
}
"""Frequency in a hundred."""

_CHOICES = 60
"""A multiple of every possible number of targets, so that each target is equally likely."""

_COPIES = (1, 1, 1, 2, 3)


@dataclass(frozen=True)
class Saga:
    """The choices of one saga. ``copies``: number of copies of each command, by the command's number in the saga."""

    number: int
    kind: Kind
    amount: int
    over_http: bool
    copies: tuple[int, ...]

    @property
    def name(self) -> str:
        """The saga's order id, which also begins its correlation ids."""
        return f"chaos-{self.number}"


@dataclass(frozen=True)
class Fault:
    """An ``attack`` that begins after this number of finished sagas; ``which``: the choice among its targets."""

    attack: Attack
    after: int
    which: int


@dataclass(frozen=True)
class Plan:
    """Sagas and faults in the order of their beginnings."""

    sagas: tuple[Saga, ...]
    faults: tuple[Fault, ...]


def make_plan(sagas: int, faults: int, seed: int, attacks: Collection[Attack] = tuple(Attack)) -> Plan:
    """The plan for these arguments, always the same. Each of ``attacks`` occurs at least once if ``faults`` suffice."""
    chooser = random.Random(seed)  # noqa: S311 - repeatable on purpose
    kinds = chooser.choices(list(_KINDS), list(_KINDS.values()), k=sagas)
    wanted = [attack for attack in Attack if attack in attacks]
    drawn = [*wanted, *chooser.choices(wanted, [_ATTACKS[attack] for attack in wanted], k=faults)][:faults]
    chooser.shuffle(drawn)
    # no fault at the very end, where it would disturb nothing
    moments = sorted(chooser.randrange(max(1, sagas * 9 // 10)) for _ in drawn)
    return Plan(
        sagas=tuple(_saga(number, kind, chooser) for number, kind in enumerate(kinds)),
        faults=tuple(
            Fault(attack, after, chooser.randrange(_CHOICES)) for attack, after in zip(drawn, moments, strict=True)
        ),
    )


def attacks_named(text: str) -> tuple[Attack, ...]:
    """The attacks whose name contains ``text`` in any case: ``silent``, ``killed``."""
    return tuple(attack for attack in Attack if text.casefold() in attack.casefold())


def _saga(number: int, kind: Kind, chooser: random.Random) -> Saga:
    return Saga(
        number=number,
        kind=kind,
        amount=chooser.randrange(100, 100_000),
        over_http=chooser.random() < 0.3,
        copies=tuple(chooser.choice(_COPIES) for _ in range(4)),
    )
