"""The commands by type: built from a sender's fields, stored as JSON, restored, and planned."""

from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from typing import Any
from uuid import UUID

from service.domain.commands import authorize, cancel_hold, release, revert
from service.domain.commands.authorize import Authorize
from service.domain.commands.cancel_hold import CancelHold
from service.domain.commands.command import CommandType, Field, FieldError, read_field
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.errors import ErrorCode
from service.domain.ledger import Ledger
from service.domain.next_step import Clock, Next, Policy, Settled
from service.domain.payment import Payment

Command = Authorize | Release | Revert
StoredCommand = Command | CancelHold

FIELDS: dict[CommandType, tuple[Field, ...]] = {
    CommandType.AUTHORIZE: authorize.FIELDS,
    CommandType.RELEASE: release.FIELDS,
    CommandType.REVERT: revert.FIELDS,
}
"""The fields of every command that may come from outside."""

_KINDS: dict[CommandType, type[Authorize | Release | Revert | CancelHold]] = {
    kind.type: kind for kind in (Authorize, Release, Revert, CancelHold)
}
_CONTENT = {
    kind: tuple(field.name for field in fields(shape) if field.name != "correlation_id")
    for kind, shape in _KINDS.items()
}

_FROM_OUTSIDE: dict[CommandType, Callable[..., Command]] = {kind.type: kind for kind in (Authorize, Release, Revert)}
_GRAVEST_FIRST = (ErrorCode.INVALID_PAYLOAD, ErrorCode.INVALID_AMOUNT, ErrorCode.PAYMENT_NOT_FOUND)
_EMPTY = Ledger()
_ANY_TIMES = Policy("payment.reverted", look_again=timedelta(), action_deadline=timedelta())
"""For plans of reverts, of which a setting decides the name of the answer only."""


def build(kind: CommandType, correlation_id: str, given: dict[str, Any]) -> Command:
    """The command that ``given`` describes. Null counts as absent, and so does an empty optional string.

    Raises FieldError with the gravest code, and the messages of all faults with this code.
    """
    values: dict[str, Any] = {}
    faults: list[FieldError] = []
    for field in FIELDS[kind]:
        try:
            values[field.name] = read_field(field, given.get(field.name))
        except FieldError as fault:
            faults.append(fault)
    if kind is CommandType.AUTHORIZE and not faults:
        faults.extend(authorize.amount_faults(values))
    for error in _GRAVEST_FIRST:
        found = [fault.message for fault in faults if fault.error is error]
        if found:
            raise FieldError(error, "; ".join(found))
    return _FROM_OUTSIDE[kind](correlation_id=correlation_id, **values)


def content_of(command: StoredCommand) -> dict[str, Any]:
    """The command's fields as JSON types, without its correlation id."""
    values = ((name, getattr(command, name)) for name in _CONTENT[command.type])
    return {name: str(value) if isinstance(value, UUID) else value for name, value in values}


def restore(command_type: str, correlation_id: str, content: dict[str, Any]) -> StoredCommand:
    """The command whose ``content_of`` this is. Fields that a later release has added are ignored.

    Raises ValueError or TypeError when the content is not a command's.
    """
    known = _CONTENT[CommandType(command_type)]
    values = {name: value for name, value in content.items() if name in known}
    if "payment_id" in values:
        values["payment_id"] = UUID(values["payment_id"])
    return _KINDS[CommandType(command_type)](correlation_id=correlation_id, **values)


def plan(command: StoredCommand, payment: Payment, policy: Policy, clock: Clock, ledger: Ledger = _EMPTY) -> Next:
    """The command's next step, its wait or its answer. ``ledger``: the payment's known movements."""
    match command:
        case Authorize():
            return authorize.next_step(payment, policy, clock)
        case Release():
            return release.next_step(command, payment)
        case Revert():
            return revert.next_step(command, payment, policy)
        case CancelHold():
            return cancel_hold.next_step(command, payment, ledger)


def is_done(command: Release | Revert, payment: Payment) -> bool:
    """Whether the command would succeed without a step: its effect is there, and nobody has undone it."""
    match command:
        case Release():
            following = release.next_step(command, payment)
        case Revert():
            following = revert.next_step(command, payment, _ANY_TIMES)
    own = following.answers if isinstance(following, Settled) else ()
    return any(answer.key == command.key and "status" in answer.payload for answer in own)
