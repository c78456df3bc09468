"""The consumer's ports: the functions of the use cases that it calls."""

from collections.abc import Sequence
from typing import Protocol

from service.domain.commands.catalog import Command
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage


class DueCommand(Protocol):
    """An unfinished command in the database that is due."""

    @property
    def ordering_key(self) -> str:
        """The key whose other commands it must not overtake or run beside."""
        ...

    def run(self) -> None:
        """Run it as far as it goes. After a failure the database decides when it is due again."""
        ...


class Commands(Protocol):
    """Each call returns once its record is durable, and raises only if it is not, when the database is not available.

    A passing fault at Stripe is scheduled in the database, never raised. Many threads call at once.
    """

    def handle(self, command: Command, origin: Origin) -> None:
        """Accept the command once, and run it as far as it goes."""
        ...

    def refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        """Answer once with ``payment.failed``, and keep the record in the dead letters."""
        ...

    def dead_letter(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        """Keep the record in the dead letters. There is no sender to answer."""
        ...

    def complete_due(self, limit: int) -> Sequence[DueCommand]:
        """At most ``limit`` commands that are due, or that a dead process left unfinished."""
        ...
