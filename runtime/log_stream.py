"""Standard error as the log writes to it: a line that it refuses is lost and counted, and the work goes on.

A full disk, or a collector that hangs or has ended, must not stop payments. The proof of what happened is in the
database, not in the log.
"""

import select
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from prometheus_client import Counter

PATIENCE_SECONDS = 1.0
"""For a reader that is only slow. After that, lines are lost at once until the reader takes some again."""

_PIECE = 1000
"""Characters, at most 4,000 bytes. A pipe that is ready takes a page without waiting (Linux manual, pipe(7))."""


class LostLines:
    """The number of lost lines. It becomes a metric in the processes that ask for one at their start.

    ``prometheus_client`` decides at its import whether several processes share their metrics, and the log is there
    before that is known.
    """

    def __init__(self) -> None:
        self._counter: Counter | None = None
        self.number = 0

    def add(self) -> None:
        """Count one line."""
        self.number += 1
        if self._counter is not None:
            self._counter.inc()

    def show(self) -> None:
        """Make the metric, with the lines that were lost before."""
        from prometheus_client import Counter

        if self._counter is None:
            self._counter = Counter("payment_log_lines_lost", "Log lines that standard error did not take")
            self._counter.inc(self.number)


LOST_LINES = LostLines()
"""Those of this process."""


class LogStream:
    """Writes whole lines to ``stream``; None is a standard error that was closed before the process began.

    A pipe whose reader hangs takes no more after a while, and a plain write would then wait for ever.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._stuck = False
        self._torn = False

    def write(self, text: str) -> int:
        """Write and flush. Waits a second once for a reader that hangs, and raises nothing for a lost line."""
        line = f"\n{text}" if self._torn else text
        written = 0
        try:
            while written < len(line):
                self._write(line[written : written + _PIECE])
                written += _PIECE
        except (OSError, ValueError):
            self._torn = self._torn or written > 0
            LOST_LINES.add()
        else:
            self._torn = False
        return len(text)

    def flush(self) -> None:
        """Nothing: each line is flushed."""

    def _write(self, piece: str) -> None:
        if self._stream is None:
            raise ValueError("standard error is closed")
        descriptor = _descriptor_of(self._stream)
        if descriptor is not None:
            patience = 0.0 if self._stuck else PATIENCE_SECONDS
            self._stuck = not select.select([], [descriptor], [], patience)[1]
            if self._stuck:
                raise BlockingIOError
        self._stream.write(piece)
        self._stream.flush()


def _descriptor_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # a stream in memory
        return None
