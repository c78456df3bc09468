"""Takes up commands that are due in the database: attempts that were put off, and commands of dead processes."""

import threading
import time
from collections.abc import Callable

from consumer.keyed_queue import Job
from consumer.metrics import DUE
from consumer.ports import Commands, DueCommand
from consumer.workers import Workers
from runtime.logs import get_logger
from runtime.shutdown import Shutdown
from service.domain.errors import NotDurableError

_log = get_logger(__name__)
INTERVAL = 1.0
_SOON = 0.1
_LONGEST = 30.0
"""Seconds without an answer from the database, longer than any answer takes that comes at all."""


class Completer:
    """Asks the database about once a second, and holds at most ``limit`` due commands, beside those from Kafka.

    Due commands use the same keys as records, so this process never runs two commands of one key at once. While a key
    has jobs its due command is not taken; it is due again at the next question.
    """

    def __init__(self, commands: Commands, workers: Workers, limit: int) -> None:
        self._commands = commands
        self._workers = workers
        self._limit = limit
        self._held = 0
        self._beat = time.monotonic()
        self._last_error: str | None = None
        self._lock = threading.Lock()

    def run(self, shutdown: Shutdown) -> None:
        """Ask until draining begins. After a failure it asks again, because the database may be away."""
        pause = 0.0
        while not shutdown.wait(pause):
            try:
                pause = _SOON if self.step() else INTERVAL
                self._last_error = None
            except Exception as exc:  # noqa: BLE001 - logged; the next question may be answered
                self._last_error = f"{exc.wait}: {exc}" if isinstance(exc, NotDurableError) else type(exc).__name__
                _log.warning("cannot ask for due commands", error=self._last_error, exc_info=exc)
                pause = INTERVAL
            self._beat = time.monotonic()

    def fault(self) -> str | None:
        """The failure of the last question, or the wait for its answer; None while questions are answered."""
        silent = time.monotonic() - self._beat
        if silent > _LONGEST:
            return f"due commands: asked for {silent:.0f} s ago, and not answered"
        return f"due commands: cannot be asked for: {self._last_error}" if self._last_error else None

    def step(self) -> bool:
        """Ask once. Returns whether to ask again soon: more commands may be due, or there was no room."""
        free = self._limit - self._held
        if free <= 0:
            return True
        due = self._commands.complete_due(free)
        taken = sum(self._take(command) for command in due)
        DUE.inc(taken)
        return len(due) == free and taken > 0

    def _take(self, command: DueCommand) -> bool:
        self._count(1)
        job = Job(ordering_key=command.ordering_key, run=self._counted(command.run), done=_nothing, retry=False)
        if self._workers.offer(job):
            return True
        self._count(-1)
        return False

    def _counted(self, run: Callable[[], None]) -> Callable[[], None]:
        def counted() -> None:
            try:
                run()
            finally:
                self._count(-1)

        return counted

    def _count(self, change: int) -> None:
        with self._lock:
            self._held += change


def _nothing() -> None:
    """No offset to finish: the database knows the command's state."""
