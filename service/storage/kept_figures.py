"""The last reading of each group of figures: in memory, or in a directory that server processes share."""

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from service.storage.figures import Figures, Group

Clock = Callable[[], float]


class Kept(NamedTuple):
    """Figures, and the time of their reading by the clock of whoever keeps them: minus infinity before the first."""

    figures: Figures
    read_at: float


NOTHING = Kept({}, -math.inf)


class KeptFigures:
    """One process's readings."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self._kept: dict[str, Kept] = {}

    def last(self, group: Group) -> Kept:
        """The last reading of the group. Raises OSError."""
        return self._kept.get(group.name, NOTHING)

    def keep(self, group: Group, kept: Kept) -> None:
        """Replace the last reading. Raises OSError."""
        self._kept[group.name] = kept


class SharedFigures(KeptFigures):
    """The readings of all processes of one machine that use ``directory``, so that any of them answers for all.

    The monotonic clock is the same in every process of a machine (Linux manual, clock_gettime(2)).
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def last(self, group: Group) -> Kept:
        """The last reading of the group, by any process. Raises OSError."""
        try:
            read_at, figures = json.loads(self._file(group).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return NOTHING
        return Kept({name: {tuple(labels): value for labels, value in rows} for name, rows in figures.items()}, read_at)

    def keep(self, group: Group, kept: Kept) -> None:
        """Replace the last reading, for all processes at once. Raises OSError."""
        figures = {
            name: [[labels, float(value)] for labels, value in rows.items()] for name, rows in kept.figures.items()
        }
        written = self._directory / f"{group.name}.{os.getpid()}.partial"
        written.write_text(json.dumps([kept.read_at, figures]), encoding="utf-8")
        written.replace(self._file(group))

    def _file(self, group: Group) -> Path:
        return self._directory / f"{group.name}.figures"


def figures_of_workers() -> KeptFigures:
    """Readings beside the other metrics that server processes share, if this is one of them."""
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return KeptFigures() if directory is None else SharedFigures(Path(directory))
