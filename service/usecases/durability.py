"""The command engine for a process that tries again: database errors become one error that names the wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.domain.commands.catalog import Command
from service.domain.errors import NotDurableError
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage
from service.storage.availability import described, wait_of
from service.storage.engine import SQLAlchemyError
from service.usecases.accept import CommandEngine
from service.usecases.due_commands import DueCommand


class Durable:
    """Every method raises NotDurableError in place of the database's errors, with the traceback of the original."""

    def __init__(self, engine: CommandEngine) -> None:
        self._engine = engine

    def handle(self, command: Command, origin: Origin) -> None:
        """``CommandEngine.handle``."""
        with _waits_named():
            self._engine.handle(command, origin)

    def refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        """``CommandEngine.refuse``."""
        with _waits_named():
            self._engine.refuse(invalid, origin)

    def dead_letter(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        """``CommandEngine.dead_letter``."""
        with _waits_named():
            self._engine.dead_letter(unreadable, origin)

    def complete_due(self, limit: int) -> list[DueCommand]:
        """``CommandEngine.complete_due``; the work that it returns raises NotDurableError, too."""
        with _waits_named():
            return [DueCommand(due.ordering_key, _named(due.run)) for due in self._engine.complete_due(limit)]


def _named(run: Callable[[], None]) -> Callable[[], None]:
    def named() -> None:
        with _waits_named():
            run()

    return named


@contextmanager
def _waits_named() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        # Not chained: the message of the database's error quotes values of the row.
        raise NotDurableError(wait_of(error), described(error)).with_traceback(error.__traceback__) from None
