"""Retention: delete old outbox rows that are published, a small batch at a time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from service.domain.operator_acts import Grounds
from service.storage import operator_actions, operator_writes
from service.storage.engine import Engine, transaction
from service.storage.operator_session import reading

BATCH = 100
"""Number of rows of one transaction. Short transactions keep neither writers nor the relay waiting."""

_REST = 5.0
"""Rest after a transaction, as a multiple of its duration: payments have the first claim on the processors."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """Deletes rows below the position ``below`` that were written before ``before``."""

    below: int
    before: datetime
    rows: int

    @classmethod
    def plan(cls, engine: Engine, before: datetime) -> "Pruning":
        """Find the rows to delete: none that a relay has still to publish, whatever its age."""
        with reading(engine) as connection:
            below = operator_writes.prunable_below(connection)
            return cls(below, before, operator_writes.count_old(connection, below, before))

    def begin(self, engine: Engine, grounds: Grounds) -> None:
        """Keep the act."""
        detail = {"below": self.below, "before": self.before.isoformat(), "rows": self.rows}
        with transaction(engine) as connection:
            operator_actions.record(connection, grounds.act("outbox.prune", detail=detail))

    def run(self, engine: Engine, rest: Callable[[float], None] = time.sleep) -> Iterator[int]:
        """Delete; yields the number of rows after each commit. Ends at the first batch that deletes none."""
        after, deleted = 0, 1
        while deleted:
            began = time.monotonic()
            with transaction(engine) as connection:
                deleted, last = operator_writes.prune(
                    connection, after=after, below=self.below, before=self.before, limit=BATCH
                )
            after, took = last or after, time.monotonic() - began
            yield deleted
            rest(_REST * took)
