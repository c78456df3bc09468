"""The rule that is kept, and rules that look as good and are seen to fail."""

from collections.abc import Callable
from typing import NamedTuple

from proofs.reading_rule.database import Snapshot
from relay.gaps import Writers
from relay.log_reader import LogReader, Row


def running_in_the_snapshot(locks: Writers, snapshot: Snapshot) -> Writers:
    """As relay.outbox_source asks: in the lock table, and running in the statement's own snapshot."""
    return frozenset(number for number in locks if number >= snapshot.xmax or number in snapshot.running)


def in_the_lock_table(locks: Writers, _snapshot: Snapshot) -> Writers:
    """Also who is visible already."""
    return locks


def below_xmax(locks: Writers, snapshot: Snapshot) -> Writers:
    """As if a snapshot listed every running transaction, or xmax lay above all of them."""
    return locks & snapshot.running


class ReleasesBehindGaps(LogReader):
    """Rows above a gap that is due go out at once."""

    def _split(self, rows: list[Row]) -> tuple[list[Row], list[Row]]:
        return rows, []


class TrustsPositions(LogReader):
    """The last row is not compared."""

    def _compare(self, last: Row | None) -> None: ...


class Rule(NamedTuple):
    """How the relay reads."""

    running: Callable[[Writers, Snapshot], Writers] = running_in_the_snapshot
    reader: type[LogReader] = LogReader
    unlocking_matters: bool = False
    """Whether it makes a difference if one that was over in the snapshot has let go of its locks.

    Where it makes none the walk takes both for one, which leaves out no interleaving that could be told apart.
    """
    looks_first: bool = False
    """Whether gaps are looked at with a snapshot from before it is asked who is running."""


RULES = {
    "kept": Rule(),
    "writers by the lock table alone": Rule(running=in_the_lock_table, unlocking_matters=True),
    "writers below xmax only": Rule(running=below_xmax),
    "gaps before writers": Rule(looks_first=True),
    "rows behind a due gap not held back": Rule(reader=ReleasesBehindGaps),
    "last row not read again": Rule(reader=TrustsPositions),
}
