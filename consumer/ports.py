"""What the consumer needs of the use cases."""

from collections.abc import Sequence
from typing import Protocol

from service.domain.commands.catalog import Command
from service.domain.records import InvalidCommand, Origin, UnreadableMessage


class DueCommand(Protocol):
    """An unfinished command of the database whose time has come."""

    @property
    def ordering_key(self) -> str:
        """Where it must not overtake, nor run beside, another."""
        ...

    def run(self) -> None:
        """Take it as far as it goes. What fails is due again, by the database's word."""
        ...


class Commands(Protocol):
    """Each call returns once its message is durable, and raises only when it is not: the database cannot be had.

    A passing fault at Stripe is scheduled in the database, never raised. Calls come from many threads at once.
    """

    def handle(self, command: Command, origin: Origin) -> None:
        """Accept once, and run as far as it goes."""
        ...

    def refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        """Answer once with ``payment.failed``, and keep the record in the dead letters."""
        ...

    def bury(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        """Keep the record in the dead letters: nobody can be answered."""
        ...

    def complete_due(self, limit: int) -> Sequence[DueCommand]:
        """At most ``limit`` commands that are due or were left by a dead process."""
        ...
