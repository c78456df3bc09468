"""The relay's reading rule, and rules that look as good and fail."""

from collections.abc import Callable
from typing import NamedTuple

from proofs.reading_rule.database import Snapshot
from relay.gaps import Writers
from relay.log_reader import LogReader, Row


def running_in_the_snapshot(locks: Writers, snapshot: Snapshot) -> Writers:
    """The relay's rule (relay.outbox_source): in the lock table, and running in the statement's own snapshot."""
    return frozenset(number for number in locks if number >= snapshot.xmax or number in snapshot.running)


def in_the_lock_table(locks: Writers, _snapshot: Snapshot) -> Writers:
    """Also transactions that are visible already."""
    return locks


def below_xmax(locks: Writers, snapshot: Snapshot) -> Writers:
    """As if a snapshot listed every running transaction, or xmax were above all of them."""
    return locks & snapshot.running


class ReleasesBehindGaps(LogReader):
    """Publishes rows above a due gap at once."""

    def _split(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        return rows, []


class TrustsPositions(LogReader):
    """Does not compare the last row."""

    def _compare(self, last: Row | None) -> None: ...


class Rule(NamedTuple):
    """A reading rule."""

    running: Callable[[Writers, Snapshot], Writers] = running_in_the_snapshot
    reader: type[LogReader] = LogReader
    unlocking_matters: bool = False
    """Whether the rule can see that a transaction that is over has released its locks.

    If it can't, the walk treats both states as one. This leaves out no interleaving that differs.
    """
    looks_first: bool = False
    """Whether the look at gaps has a snapshot from before the question for running writers."""


RULES = {
    "kept": Rule(),
    "writers by the lock table alone": Rule(running=in_the_lock_table, unlocking_matters=True),
    "writers below xmax only": Rule(running=below_xmax),
    "gaps before writers": Rule(looks_first=True),
    "rows behind a due gap not held back": Rule(reader=ReleasesBehindGaps),
    "last row not read again": Rule(reader=TrustsPositions),
}
