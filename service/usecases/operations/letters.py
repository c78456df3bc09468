"""Dead letters as operators read them: where each came from, whose it was, and whether mended content is a command."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from service.domain.command_reader import read
from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import Command
from service.domain.commands.command import CommandKey, kept_type
from service.domain.commands.release import Release
from service.domain.commands.revert import Revert
from service.domain.content import Content
from service.domain.payment import payment_id_of
from service.domain.received_records import UnreadableMessage
from service.storage import commands, operator_outbox, operator_reads
from service.storage.engine import Connection
from service.storage.operator_session import Record
from service.usecases.operations.errors import NotYetError

_ANY_CURRENCY = "sgd"
"""Whether a command can be read does not depend on the currency of those that name none."""

AT_ONCE = 100
"""Number of dead letters whose values are in memory at once. A value may be large."""

_LONGEST_AUTHORIZE = 64 * 1024


def described(letter: Record) -> Record:
    """The dead letter with ``from`` (``topic/partition@offset``) and ``correlation_id``, where that can be read."""
    value = letter["value"]
    found = read(None if value is None else bytes(value), _ANY_CURRENCY)
    correlation_id = None if isinstance(found, UnreadableMessage) else found.correlation_id
    place = f"{letter['topic']}/{letter['partition']}@{letter['offset']}"
    return {**letter, "from": place, "correlation_id": correlation_id}


def described_in_brief(connection: Connection, letters: Sequence[Record]) -> Iterator[Record]:
    """Dead letters in brief, described. Their values are read some at a time, and none is kept."""
    for start in range(0, len(letters), AT_ONCE):
        some = letters[start : start + AT_ONCE]
        values = operator_reads.letter_values(connection, [letter["id"] for letter in some])
        for letter in some:
            shown = described({**letter, "value": values[letter["id"]]})
            yield {name: shown[name] for name in shown if name != "value"}


def name_of(letter: Record) -> str:
    """A described dead letter as a question names it: ``17 (NOT_JSON, payment_commands/3@1204)``."""
    about = "" if letter["correlation_id"] is None else f", {letter['correlation_id']}"
    return f"{letter['id']} ({letter['reason']}, {letter['from']}{about})"


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


def refuse_too_early(connection: Connection, id_: int, value: bytes | None) -> None:
    """Raises NotYetError for a release or revert of a payment that does not exist yet.

    Consumers order the commands of an order and those of a payment separately. So it could overtake its authorize,
    though that was sent first, and be answered PAYMENT_NOT_FOUND, for good.
    """
    found = read(value, _ANY_CURRENCY)
    if not isinstance(found, Release | Revert) or operator_outbox.payment_exists(connection, found.payment_id):
        return
    authorize = _authorize_of(connection, id_, found.payment_id)
    where = "" if authorize is None else f" (dead letter {authorize})"
    raise NotYetError(
        f"payment {found.payment_id} does not exist yet: send its authorize first{where}. "
        f"If there never was one, send dead letter {id_} with cli.py and --force, or discard it"
    )


def _authorize_of(connection: Connection, id_: int, payment_id: UUID) -> int | None:
    """A dead letter near this one with the authorize of the payment."""
    for letter in operator_reads.letters_near(connection, id_, AT_ONCE, _LONGEST_AUTHORIZE):
        near = read(bytes(letter["value"]), _ANY_CURRENCY)
        if isinstance(near, Authorize) and payment_id_of(near.correlation_id) == payment_id:
            return int(letter["id"])
    return None
