"""Messages that topics hold and a restored database has lost: they come back as readers have seen them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from service.domain.commands.command import CommandKey, CommandType
from service.domain.messages import OutgoingMessage, outcome_id

_MOST_REOPENED = 10
"""An operator reopens a command once or twice."""


@dataclass(frozen=True, slots=True)
class Published:
    """Published messages without a row in the outbox. Empty, except while a restored database is brought back."""

    events: Mapping[UUID, OutgoingMessage] = field(default_factory=dict)
    letters: Mapping[str, OutgoingMessage] = field(default_factory=dict)
    """Announcements of dead letters, by their key: each was made with a random id."""

    sequences: Mapping[UUID, int] = field(default_factory=dict)
    """The highest published sequence of each payment."""

    lost: Mapping[UUID, frozenset[CommandType]] = field(default_factory=dict)
    """The types of each payment's lost commands. An earlier one that comes back finds at Stripe what they did."""

    def explains(self, payment_id: UUID, by: CommandType, *, found_by: CommandType) -> bool:
        """Whether a lost command of the type ``by`` may have done what a command of another type finds at Stripe."""
        return by is not found_by and by in self.lost.get(payment_id, frozenset())

    def has_answered(self, key: CommandKey) -> bool:
        """Whether the command's outcome is published: then the command may learn from Stripe, and do nothing there."""
        return self._last_outcome(key) is not None

    def outcome(self, key: CommandKey, message_key: str) -> dict[str, Any] | None:
        """The last published outcome as the command's row keeps it; None when there is none under this message key."""
        message = self._last_outcome(key)
        if message is None or message.key != message_key:
            return None
        payload = json.loads(message.value).get("payload") or {}
        return {"type": message.type, **{name: value for name, value in payload.items() if name != "correlation_id"}}

    def _last_outcome(self, key: CommandKey) -> OutgoingMessage | None:
        if not self.events:
            return None
        found = (self.events.get(outcome_id(key, reopened)) for reopened in reversed(range(_MOST_REOPENED)))
        return next((message for message in found if message is not None), None)

    def instead_of(self, made: OutgoingMessage) -> OutgoingMessage:
        """The published event with the id and the key of ``made``; without one, ``made`` itself."""
        found = self.events.get(made.event_id)
        return made if found is None or found.key != made.key else found

    def letter(self, made: OutgoingMessage) -> OutgoingMessage:
        """The published announcement of the same record; without one, ``made`` itself."""
        return self.letters.get(made.key, made)


NOTHING = Published()
