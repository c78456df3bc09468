"""Keeps a record that the database refuses for good as a dead letter, so that its partition's offset goes on."""

import threading
from collections.abc import Callable, Sequence

from consumer.metrics import DEAD_LETTERS
from consumer.ports import Commands, DueCommand
from runtime.logs import get_logger
from service.domain.commands.catalog import Command
from service.domain.errors import NotDurableError, Wait
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage

_log = get_logger(__name__)
TRIES = 5
"""Tries of a record that is refused for its contents. It may conflict with a transaction that still rolls back."""
REASON = "NOT_STORABLE"
_MOST_PLACES = 10_000

Place = tuple[str, int, int]


class GivingUp:
    """``Commands`` in which no record fails forever because of its contents.

    The sender gets no answer, because the effect of the refused command is unknown. An operator removes the conflict
    and retries the dead letter.
    """

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._refusals: dict[Place, int] = {}
        self._lock = threading.Lock()

    def handle(self, command: Command, origin: Origin) -> None:
        """``Commands.handle``; after TRIES refusals a dead letter."""
        self._try(origin, lambda: self._commands.handle(command, origin))

    def refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        """``Commands.refuse``; after TRIES refusals a dead letter."""
        self._try(origin, lambda: self._commands.refuse(invalid, origin))

    def dead_letter(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        """``Commands.dead_letter``."""
        self._commands.dead_letter(unreadable, origin)

    def complete_due(self, limit: int) -> Sequence[DueCommand]:
        """``Commands.complete_due``."""
        return self._commands.complete_due(limit)

    def _try(self, origin: Origin, work: Callable[[], None]) -> None:
        try:
            work()
        except NotDurableError as error:
            if error.wait is not Wait.REFUSED or self._refused(origin) < TRIES:
                raise
            self._give_up(origin, error)

    def _refused(self, origin: Origin) -> int:
        """Count a refusal; the number so far. Old counts are dropped: a partition may move, and never report again."""
        place = (origin.topic, origin.partition, origin.offset)
        with self._lock:
            self._refusals[place] = times = self._refusals.pop(place, 0) + 1
            if len(self._refusals) > _MOST_PLACES:
                del self._refusals[next(iter(self._refusals))]
        return times

    def _give_up(self, origin: Origin, error: NotDurableError) -> None:
        place = (origin.topic, origin.partition, origin.offset)
        detail = f"The database refused it {TRIES} times ({error}); remove the conflict, then retry it."
        self._commands.dead_letter(UnreadableMessage(REASON, detail), origin)
        DEAD_LETTERS.labels(REASON).inc()
        _log.error("record_given_up", place=place, error=str(error))
        with self._lock:
            self._refusals.pop(place, None)
