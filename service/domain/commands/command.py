"""What all commands share: their types, their key, and the fingerprint of their content."""

import hashlib
import json
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple


class CommandType(StrEnum):
    """What may be asked of the service. CANCEL_HOLD is the service's own: it never comes from outside."""

    AUTHORIZE = "authorize_payment"
    RELEASE = "release_payment"
    REVERT = "revert_payment"
    CANCEL_HOLD = "cancel_hold"


_FROM_OUTSIDE = "outside:"


def kept_type(sent: str) -> str:
    """The type under which a refused command is kept: as it was sent, unless that names what is the service's own.

    No two types that were sent are kept as one, and none is kept as the type of a command of ours.
    """
    ours = sent == CommandType.CANCEL_HOLD or sent.startswith(_FROM_OUTSIDE)
    return f"{_FROM_OUTSIDE}{sent}" if ours else sent


class CommandKey(NamedTuple):
    """What a command is known by: a second one of the same type and correlation id is the same command."""

    command_type: str
    correlation_id: str


class Keyed:
    """A command: of one type, under the correlation id that its sender chose."""

    __slots__ = ()
    type: ClassVar[CommandType]
    correlation_id: str

    @property
    def key(self) -> CommandKey:
        """The command's key."""
        return CommandKey(self.type, self.correlation_id)


def fingerprint(content: Any) -> bytes:
    """SHA-256 of the content in canonical form: the same in every accepted shape of the message."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()
