"""The parts that all commands share: type, command key, and the fingerprint of the content."""

import hashlib
import json
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from service.domain.payment import Payment


class CommandType(StrEnum):
    """The types of commands. CANCEL_HOLD is the service's own: it never comes from outside."""

    AUTHORIZE = "authorize_payment"
    RELEASE = "release_payment"
    REVERT = "revert_payment"
    CANCEL_HOLD = "cancel_hold"


_FROM_OUTSIDE = "outside:"


def kept_type(sent: str) -> str:
    """The type under which a refused command is kept: the one sent, prefixed if it names the service's own command.

    Two different types are never kept as one, and none is kept as the type of the service's own command.
    """
    ours = sent == CommandType.CANCEL_HOLD or sent.startswith(_FROM_OUTSIDE)
    return f"{_FROM_OUTSIDE}{sent}" if ours else sent


def sent_type(kept: str) -> str:
    """The type that was sent, of a command that is kept under this type."""
    return kept.removeprefix(_FROM_OUTSIDE)


class CommandKey(NamedTuple):
    """A command's identity: a second record with the same type and correlation id is the same command."""

    command_type: str
    correlation_id: str


class Keyed:
    """A command: its type, and the correlation id that its sender chose."""

    __slots__ = ()
    type: ClassVar[CommandType]
    own: ClassVar[bool] = False
    """Whether the service gave the command to itself. Nobody waits for its answer: it is repeated until it is done,
    without a deadline, and it gives way to the commands of callers."""
    correlation_id: str

    @property
    def key(self) -> CommandKey:
        """The command's key."""
        return CommandKey(self.type, self.correlation_id)

    def intent_of(self, payment: Payment) -> str | None:
        """The PaymentIntent that the command acts on; None when the payment has none yet."""
        return payment.stripe_payment_intent_id


def fingerprint(content: Any) -> bytes:
    """SHA-256 of the content in canonical form: the same in every accepted shape of the message."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()
