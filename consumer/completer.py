"""Takes up what the database has due: commands whose time has come, and those a dead process left behind."""

import threading
from collections.abc import Callable

from consumer.lanes import Job
from consumer.metrics import DUE
from consumer.ports import Commands, DueCommand
from consumer.workers import Workers
from service.logs import get_logger
from service.shutdown import Shutdown

_log = get_logger(__name__)
INTERVAL = 1.0
_SOON = 0.1


class Completer:
    """Asks about once a second, and holds at most ``limit`` due commands at a time, beside those from Kafka.

    They join the lanes of the records, so that this process never runs two commands of one payment at once; a lane
    that is taken is left alone, and its command is due again at the next question.
    """

    def __init__(self, commands: Commands, workers: Workers, limit: int) -> None:
        self._commands = commands
        self._workers = workers
        self._limit = limit
        self._held = 0
        self._lock = threading.Lock()

    def run(self, shutdown: Shutdown) -> None:
        """Until draining begins. A question that fails is asked again: the database may be away."""
        pause = 0.0
        while not shutdown.wait(pause):
            try:
                pause = _SOON if self.step() else INTERVAL
            except Exception as exc:  # noqa: BLE001 - told; the next question may be answered
                _log.warning("cannot ask for due commands", error=type(exc).__name__, exc_info=exc)
                pause = INTERVAL

    def step(self) -> bool:
        """Ask once; true when there may be more that could be taken soon."""
        free = self._limit - self._held
        if free <= 0:
            return True
        due = self._commands.complete_due(free)
        taken = sum(self._take(command) for command in due)
        DUE.inc(taken)
        return len(due) == free and taken > 0

    def _take(self, command: DueCommand) -> bool:
        self._count(1)
        job = Job(lane=command.lane, run=self._counted(command.run), done=_nothing, retry=False)
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
    """The database knows how far the command is."""
