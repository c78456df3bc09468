"""What a command says, to tell whether two under one key say the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.domain.commands.catalog import StoredCommand, content_of
from service.domain.commands.command import fingerprint

_FREE_TEXT = frozenset({"reason", "description"})


@dataclass(frozen=True, slots=True)
class Content:
    """What a command said: its fingerprint, and its content where that could be read."""

    fingerprint: bytes
    content: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, command: StoredCommand) -> "Content":
        """What this command says."""
        content = content_of(command)
        return cls(fingerprint(content), content)

    def is_same(self, other: "Content") -> bool:
        """Whether both have the same effect, as far as the releases that read them know.

        Free text has none. What cannot be read is compared as a whole.
        """
        # Each release stores every field that it knows, null or not: what is in one only, the other did not know.
        known = self.content.keys() & other.content.keys()
        agree = all(self.content[name] == other.content[name] for name in known - _FREE_TEXT)
        return self.fingerprint == other.fingerprint or (bool(known) and agree)
