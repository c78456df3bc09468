"""The model of the outbox and its writers: one value for each state, and the steps from a state to the next."""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from relay.gaps import Writers
from relay.log_reader import Row


class Stage(IntEnum):
    """The stage of a transaction that has its id and its lock on the table.

    Drawing a position and inserting the row are one step, because no other session can see a difference. A transaction
    that rolled back and still holds its locks counts as running, because neither has visible rows.
    """

    RUNNING = 0
    VISIBLE = 1
    """Committed, and still in the lock table: PostgreSQL's CommitTransaction ends with ResourceOwnerRelease."""
    UNLOCKED = 2
    """Never in PostgreSQL: its locks are released, and its rows are not visible yet."""
    COMMITTED = 3
    ROLLED_BACK = 4


class Drawn(NamedTuple):
    """A position that was handed out."""

    owner: int
    """The transaction's id."""
    key: int
    life: int
    """The number of restores before."""


class Snapshot(NamedTuple):
    """The result of pg_current_snapshot()."""

    xmax: int
    running: Writers
    """Running transactions below xmax only, which is one past the last transaction that ended."""


class Size(NamedTuple):
    """The limits of a walk."""

    writers: int
    positions: int
    rows: int = 2
    """The most rows of one transaction."""
    keys: int = 2
    restores: int = 0
    unlocks_first: bool = False
    """Whether writers release their locks before they become visible. In PostgreSQL they never do."""


class Database(NamedTuple):
    """Transactions in the order of their ids and positions in their order, both from 1 on."""

    writers: tuple[Stage, ...] = ()
    drawn: tuple[Drawn, ...] = ()
    ended: int = 0
    """The highest id of a transaction that is over."""
    life: int = 0
    backup: "Database | None" = None

    @property
    def quiet(self) -> bool:
        """Whether every transaction is over."""
        return all(stage >= Stage.COMMITTED for stage in self.writers)

    @property
    def unlocked(self) -> "Database":
        """The same database once all visible transactions have released their locks."""
        over = tuple(Stage.COMMITTED if stage == Stage.VISIBLE else stage for stage in self.writers)
        return self._replace(writers=over)

    def visible(self) -> tuple[Row, ...]:
        """The rows of the outbox that a snapshot taken now sees."""
        seen = (Stage.VISIBLE, Stage.COMMITTED)
        return tuple(
            (position, "events", "ab"[drawn.key], f"life {drawn.life}", "[]", False, 0)
            for position, drawn in enumerate(self.drawn, 1)
            if self.writers[drawn.owner - 1] in seen
        )

    def snapshot(self) -> Snapshot:
        """A snapshot taken now."""
        running = (Stage.RUNNING, Stage.UNLOCKED)
        ids = [number for number, stage in enumerate(self.writers, 1) if stage in running]
        return Snapshot(self.ended + 1, frozenset(number for number in ids if number <= self.ended))

    def locks(self) -> Writers:
        """The transactions in the lock table now."""
        holding = (Stage.RUNNING, Stage.VISIBLE)
        return frozenset(number for number, stage in enumerate(self.writers, 1) if stage in holding)


def steps(database: Database, size: Size) -> Iterator[tuple[str, Database]]:
    """Every possible next step, with its name and the database after it."""
    if len(database.writers) < size.writers:
        yield "a writer begins", database._replace(writers=(*database.writers, Stage.RUNNING))
    for number, stage in enumerate(database.writers, 1):
        if stage == Stage.RUNNING:
            yield from _draws(database, number, size)
            yield f"{number} rolls back", _ended(database, number, Stage.ROLLED_BACK)
            if any(drawn.owner == number for drawn in database.drawn):
                yield from _commits(database, number, size)
        elif stage == Stage.VISIBLE:
            yield f"{number} unlocks", _moved(database, number, Stage.COMMITTED)
        elif stage == Stage.UNLOCKED:
            yield f"{number} becomes visible", _ended(database, number, Stage.COMMITTED)
    if database.life < size.restores:
        yield from _goes_back(database)


def _draws(database: Database, number: int, size: Size) -> Iterator[tuple[str, Database]]:
    own = sum(drawn.owner == number for drawn in database.drawn)
    if len(database.drawn) >= size.positions or own >= size.rows:
        return
    known = max((drawn.key for drawn in database.drawn), default=-1)
    # All keys are alike, so a new key is always the next one.
    for key in range(min(known + 2, size.keys)):
        if not _locked_by_another(database, key, number):
            drawn = Drawn(number, key, database.life)
            step = f"{number} draws {len(database.drawn) + 1} for {'ab'[key]}"
            yield step, database._replace(drawn=(*database.drawn, drawn))


def _locked_by_another(database: Database, key: int, number: int) -> bool:
    """A writer locks its payment's row. It need not wait for another writer that is visible already."""
    others = {drawn.owner for drawn in database.drawn if drawn.key == key} - {number}
    return any(database.writers[other - 1] in {Stage.RUNNING, Stage.UNLOCKED} for other in others)


def _commits(database: Database, number: int, size: Size) -> Iterator[tuple[str, Database]]:
    if size.unlocks_first:
        yield f"{number} unlocks", _moved(database, number, Stage.UNLOCKED)
    else:
        yield f"{number} becomes visible", _ended(database, number, Stage.VISIBLE)


def _moved(database: Database, number: int, stage: Stage) -> Database:
    writers = (*database.writers[: number - 1], stage, *database.writers[number:])
    return database._replace(writers=writers)


def _ended(database: Database, number: int, stage: Stage) -> Database:
    return _moved(database, number, stage)._replace(ended=max(database.ended, number))


def _goes_back(database: Database) -> Iterator[tuple[str, Database]]:
    """A backup shows one moment. Transactions that ran then rolled back; ids and positions go on from there."""
    if database.backup is None:
        yield "backup", database._replace(backup=database)
        return
    over = {Stage.RUNNING: Stage.ROLLED_BACK, Stage.UNLOCKED: Stage.ROLLED_BACK, Stage.VISIBLE: Stage.COMMITTED}
    writers = tuple(over.get(stage, stage) for stage in database.backup.writers)
    restored = Database(writers, database.backup.drawn, len(writers), database.life + 1)
    yield "restore", restored
