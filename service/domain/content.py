"""A command's content, to compare two commands under one command key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.domain.commands.catalog import StoredCommand, content_of
from service.domain.commands.command import fingerprint

_FREE_TEXT = frozenset({"reason", "description"})


@dataclass(frozen=True, slots=True)
class Content:
    """A command's fingerprint, and its content if that could be read."""

    fingerprint: bytes
    content: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, command: StoredCommand) -> "Content":
        """The content of this command."""
        content = content_of(command)
        return cls(fingerprint(content), content)

    def is_same(self, other: "Content") -> bool:
        """Whether both ask for the same effect, in the fields that the releases which read them both know.

        Free text has no effect. Content that could not be read is compared by its fingerprint alone.
        """
        # Each release stores every field that it knows, null or not. So the other release did not know a missing one.
        known = self.content.keys() & other.content.keys()
        agree = all(self.content[name] == other.content[name] for name in known - _FREE_TEXT)
        return self.fingerprint == other.fingerprint or (bool(known) and agree)
