"""Deleting what is published and old, a little at a time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from service.storage import operator_writes
from service.storage.engine import Engine, transaction
from service.storage.operator_session import reading

BATCH = 100
"""Rows of one transaction: short, so that neither writers nor the relay wait for it."""

_REST = 5.0
"""Of the time that a transaction took: the processors are there for payments first."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """Rows below position ``below``, written before ``before``."""

    below: int
    before: datetime
    rows: int

    @classmethod
    def plan(cls, engine: Engine, before: datetime) -> "Pruning":
        """What would be deleted: nothing that any relay has still to publish, whatever its age."""
        with reading(engine) as connection:
            below = operator_writes.prunable_below(connection)
            return cls(below, before, operator_writes.count_old(connection, below, before))

    def run(self, engine: Engine, rest: Callable[[float], None] = time.sleep) -> Iterator[int]:
        """Delete; yields how many each committed transaction has deleted. Ends at the first batch of young rows."""
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
