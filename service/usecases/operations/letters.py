"""Dead letters as operators read them: where each came from, whose it was, and whether mended content is a command."""

from service.domain.command_reader import read
from service.domain.commands.catalog import Command
from service.domain.commands.command import CommandKey, kept_type
from service.domain.content import Content
from service.domain.received_records import UnreadableMessage
from service.storage import commands
from service.storage.engine import Connection
from service.storage.operator_session import Record

_ANY_CURRENCY = "sgd"
"""Whether a command can be read does not depend on the currency of those that name none."""


def described(letter: Record) -> Record:
    """The dead letter with ``from`` (``topic/partition@offset``) and ``correlation_id``, where that can be read."""
    value = letter["value"]
    found = read(None if value is None else bytes(value), _ANY_CURRENCY)
    correlation_id = None if isinstance(found, UnreadableMessage) else found.correlation_id
    place = f"{letter['topic']}/{letter['partition']}@{letter['offset']}"
    return {**letter, "from": place, "correlation_id": correlation_id}


def name_of(letter: Record) -> str:
    """The dead letter as a question names it: ``17 (NOT_JSON, payment_commands/3@1204)``."""
    shown = described(letter)
    about = "" if shown["correlation_id"] is None else f", {shown['correlation_id']}"
    return f"{letter['id']} ({letter['reason']}, {shown['from']}{about})"


def still_wrong(connection: Connection, value: bytes) -> str | None:
    """Why the consumer would refuse a record of this content; None for a command that it would carry out."""
    found = read(value, _ANY_CURRENCY)
    if isinstance(found, UnreadableMessage):
        return f"{found.reason}: {found.detail}"
    if not isinstance(found, Command):
        return f"{found.error}: {found.message}"
    key = CommandKey(kept_type(found.type), found.correlation_id)
    before = commands.content_before(connection, key)
    if before is None:
        return None
    if before.is_same(Content.of(found)):
        return f"{found.type} {found.correlation_id} came before with the same content: it would be ignored"
    return f"{found.type} {found.correlation_id} came before with other content: give it a correlation id of its own"
