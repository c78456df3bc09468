"""What a command says, to tell whether two under one key say the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.domain.commands import StoredCommand, content_of, fingerprint

_FREE_TEXT = frozenset({"reason", "description"})


def _effect_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """What of a command's content has an effect: no free text, and nothing that is absent.

    A changed remark, or an optional field that another release knows, makes no other command.
    """
    return {name: value for name, value in content.items() if value is not None and name not in _FREE_TEXT}


@dataclass(frozen=True, slots=True)
class Sent:
    """What a command said: its fingerprint, and its content where that could be read."""

    fingerprint: bytes
    content: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, command: StoredCommand) -> "Sent":
        """What this command says."""
        content = content_of(command)
        return cls(fingerprint(content), content)

    def is_same(self, other: "Sent") -> bool:
        """Whether both have the same effect; what cannot be read is compared as a whole."""
        readable = bool(self.content and other.content)
        return self.fingerprint == other.fingerprint or (
            readable and _effect_of(self.content) == _effect_of(other.content)
        )
