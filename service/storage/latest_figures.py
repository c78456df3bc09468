"""The latest figures of the database, for scrapes that a database which does not answer cannot delay."""

import math
import threading
from collections.abc import Callable
from typing import NamedTuple

from runtime.logs import get_logger
from service.storage.availability import described
from service.storage.engine import SQLAlchemyError, Waits, make_engine
from service.storage.figures import GROUPS, Figures, Group
from service.storage.kept_figures import NOTHING, Kept, KeptFigures

FOR_METRICS = Waits(row_ms=500, statement_ms=5000, connect_seconds=2, answer_seconds=8.0, pool="metrics")
"""Nobody waits for these sessions: a scrape takes what was read before, if it is not too old."""

PATIENCE_SECONDS = 1.0
"""Longest time that a scrape waits for figures that are due."""

RETRY_SECONDS = 60.0
"""Longest pause after a reading that failed."""

_log = get_logger(__name__)


class Reading(NamedTuple):
    """A group's last figures, and their age in seconds: infinite before the first."""

    group: Group
    figures: Figures
    age: float

    @property
    def is_shown(self) -> bool:
        """Whether the figures are young enough to be worth anything."""
        return self.age <= self.group.kept


class LatestFigures:
    """Reads each group on a connection and a thread of its own, when somebody asks and the last reading is old enough.

    Connects to nothing, and starts no thread, before the first question. The session reads only. ``kept`` has the
    readings; one that another process left there counts as our own.
    """

    def __init__(
        self,
        url: str | Callable[[], str],
        groups: tuple[Group, ...] = GROUPS,
        patience_seconds: float = PATIENCE_SECONDS,
        kept: KeptFigures | None = None,
    ) -> None:
        # Read only by the transaction: libpq takes a session that is read-only by default for a standby's.
        engine = make_engine(url, 1, FOR_METRICS).execution_options(postgresql_readonly=True)
        self._engine = engine
        self._groups = groups
        self._patience = patience_seconds
        self._kept = kept or KeptFigures()
        self._clock = self._kept.clock
        self._changed = threading.Condition()
        self._asked = self._answered = 0
        self._last: dict[str, Kept] = {}
        self._retry_at: dict[str, float] = {}
        self._failed: set[str] = set()
        self._thread: threading.Thread | None = None

    def latest(self) -> list[Reading]:
        """The last reading of each group. Waits a second at most for those that are due, and raises nothing."""
        with self._changed:
            self._learn()
            if any(self._is_due(group) for group in self._groups):
                self._asked = question = self._asked + 1
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="figures", daemon=True)
                    self._thread.start()
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._answered >= question, self._patience)
                self._learn()
            return [self._reading(group) for group in self._groups]

    def _learn(self) -> None:
        """Take the readings that are kept. One that cannot be had is as old as the last one that could."""
        for group in self._groups:
            try:
                self._last[group.name] = self._kept.last(group)
            except OSError as error:
                self._failed_at(group, str(error))

    def _reading(self, group: Group) -> Reading:
        figures, read_at = self._last.get(group.name, NOTHING)
        return Reading(group, figures, self._clock() - read_at)

    def _is_due(self, group: Group) -> bool:
        read_at = self._last.get(group.name, NOTHING).read_at
        return self._clock() >= max(read_at + group.every, self._retry_at.get(group.name, -math.inf))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked > self._answered)
                question, due = self._asked, [group for group in self._groups if self._is_due(group)]
            for group in due:
                self._read_one(group)
            with self._changed:
                self._answered = question
                self._changed.notify_all()

    def _read_one(self, group: Group) -> None:
        begun = self._clock()
        try:
            with self._engine.connect() as connection, connection.begin():
                figures = group.read(connection)
            self._kept.keep(group, Kept(figures, begun))
        except SQLAlchemyError as error:
            self._failed_at(group, described(error))
        except OSError as error:
            self._failed_at(group, str(error))
        else:
            self._failed.discard(group.name)

    def _failed_at(self, group: Group, error: str) -> None:
        if group.name not in self._failed:
            _log.warning("the database's figures cannot be read", group=group.name, error=error)
        self._failed.add(group.name)
        self._retry_at[group.name] = self._clock() + min(group.every, RETRY_SECONDS)
