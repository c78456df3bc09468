"""Faults on request: the calls that fail, and the kinds of failure."""

from __future__ import annotations

import enum
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase

from devstack.stripe_simulator.wire import Json


class Kind(enum.StrEnum):
    """Kinds of faults."""

    DROP_BEFORE = "drop_before"
    """The connection drops without effect, and nothing is stored under the key."""
    DROP_AFTER = "drop_after"
    """The effect is done and stored under the key; the connection drops before the answer."""
    ERROR_BEFORE = "error_before"
    """500 without effect, stored under the key."""
    ERROR_AFTER = "error_after"
    """500 after the effect, stored under the key."""
    REFUSE = "refuse"
    """A refusal that the test chooses (status, type, code, message), without effect, stored under the key."""
    RATE_LIMIT = "rate_limit"
    """429 `rate_limit`, not stored."""
    LOCK_TIMEOUT = "lock_timeout"
    """429 `lock_timeout`, not stored."""
    CONFLICT = "conflict"
    """409 `idempotency_key_in_use`, not stored."""
    LATENCY_BEFORE = "latency_before"
    """Seconds before the effect."""
    LATENCY_AFTER = "latency_after"
    """Seconds between the effect and the answer; the key stays in use."""


LATENCIES = frozenset({Kind.LATENCY_BEFORE, Kind.LATENCY_AFTER})
ON_EXECUTION_ONLY = frozenset({Kind.ERROR_BEFORE, Kind.ERROR_AFTER, Kind.REFUSE})


@dataclass
class Fault:
    """One rule. It lets `skip` matching calls pass, then hits `times` of them (None: for ever)."""

    kind: Kind
    operation: str = "*"
    """Such as `payment_intents.create`; `*` and `transfers.*` match more."""
    metadata: dict[str, str] = field(default_factory=dict)
    """All of it must be in the metadata of the request or of its intent."""
    skip: int = 0
    times: int | None = 1
    probability: float = 1.0
    seconds: float = 0.0
    """For the latencies."""
    retry_after: float | None = None
    """Seconds, for the 429s."""
    status: int = 400
    code: str | None = None
    type: str = "invalid_request_error"
    message: str = "Refused on request."
    id: int = 0
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        self.kind = Kind(self.kind)

    def strikes(self, operation: str, metadata: dict[str, str], rng: random.Random) -> bool:
        """Whether the rule hits this call, which it counts."""
        if not fnmatchcase(operation, self.operation) or not self.metadata.items() <= metadata.items():
            return False
        self.seen += 1
        if self.seen <= self.skip or (self.times is not None and self.hits >= self.times):
            return False
        if self.probability < 1.0 and rng.random() >= self.probability:
            return False
        self.hits += 1
        return True


class Faults:
    """The rules in force, in the order in which they were added."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rules: list[Fault] = []
        self._last_id = 0

    def add(self, fault: Fault) -> int:
        """Put a rule in force; returns its id."""
        self._last_id += 1
        fault.id = self._last_id
        self._rules.append(fault)
        return fault.id

    def clear(self) -> None:
        """Drop every rule."""
        self._rules.clear()

    def strike(self, operation: str, metadata: dict[str, str], *, executing: bool) -> list[Fault]:
        """The rules that hit this call: every latency, and the first of the others.

        A replayed answer runs no endpoint, so faults inside the endpoint do not hit it.
        """
        struck: list[Fault] = []
        outcome = False
        for rule in self._applicable(executing):
            latency = rule.kind in LATENCIES
            if (latency or not outcome) and rule.strikes(operation, metadata, self._rng):
                struck.append(rule)
                outcome = outcome or not latency
        return struck

    def listing(self) -> list[Json]:
        """The rules as JSON, each with its numbers of matches and hits."""
        return [asdict(rule) for rule in self._rules]

    def _applicable(self, executing: bool) -> Iterable[Fault]:
        return (rule for rule in self._rules if executing or rule.kind not in ON_EXECUTION_ONLY)
