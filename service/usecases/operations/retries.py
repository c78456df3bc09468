"""Commands and dead letters that an operator retries or discards."""

from uuid import uuid4

from service.domain.command_json import MAX_BYTES
from service.domain.messages import OutgoingMessage
from service.domain.progress import CommandState
from service.storage import operator_outbox, operator_reads, operator_replays, operator_writes, outbox
from service.storage.engine import Connection, Engine, transaction
from service.storage.operator_session import Record
from service.usecases.operations.errors import OperatorError

REFUSED_BY_KAFKA = -1
"""Partition of a dead letter that is a row of our own outbox; its offset is the row's position."""


def retry_command(engine: Engine, correlation_id: str, command_type: str) -> None:
    """Make an open command due now. Raises OperatorError when it is under way, answered or unknown."""
    with transaction(engine) as connection:
        if operator_writes.hasten(connection, correlation_id, command_type):
            return
        found = [
            each["state"]
            for each in operator_reads.commands_called(connection, correlation_id)
            if each["command_type"] == command_type
        ]
    why = {CommandState.DONE: "is answered, and stays so", CommandState.PENDING: "is under way"}
    raise OperatorError(f"{command_type} {correlation_id} {why[found[0]] if found else 'is unknown'}")


def retry_dead_letter(engine: Engine, id_: int) -> None:
    """Send the record to its topic again, through the outbox.

    Raises OperatorError when the dead letter is not open or cannot be sent.
    """
    with transaction(engine) as connection:
        letter = _open(connection, id_)
        if letter["partition"] == REFUSED_BY_KAFKA:
            _replay(connection, letter)
        else:
            outbox.append(connection, [_again(letter)])
        operator_writes.resolve_dead_letter(connection, id_, "retried")


def discard_dead_letter(engine: Engine, id_: int) -> None:
    """Close the dead letter without sending it; it stays in the database. Raises OperatorError when it is not open."""
    with transaction(engine) as connection:
        _open(connection, id_)
        operator_writes.resolve_dead_letter(connection, id_, "discarded")


def _open(connection: Connection, id_: int) -> Record:
    letter = operator_writes.lock_open_dead_letter(connection, id_)
    if letter is None:
        known = operator_reads.dead_letter(connection, id_)
        raise OperatorError(f"dead letter {id_} is {known['state']} already" if known else f"no dead letter {id_}")
    return letter


def _replay(connection: Connection, letter: Record) -> None:
    row = operator_outbox.row_at(connection, letter["offset"])
    if row is None:
        raise OperatorError(f"dead letter {letter['id']}: position {letter['offset']} of the outbox is pruned")
    operator_replays.append_again(connection, [row])


def _again(letter: Record) -> OutgoingMessage:
    """The record as an outbox row. One without a key gets a new one: commands are ordered by their content."""
    key = f"dead-letter-{letter['id']}" if letter["key"] is None else _text(letter, "key", letter["key"])
    return OutgoingMessage(
        event_id=uuid4(),
        topic=letter["topic"],
        key=key,
        type="dead_letter_retry",
        value=_text(letter, "value", letter["value"]),
        headers=[
            (name, _text(letter, f"header {name}", bytes.fromhex(value or ""))) for name, value in letter["headers"]
        ],
    )


def _text(letter: Record, part: str, value: bytes | None) -> str:
    """The bytes as text that the outbox can hold: UTF-8 without NUL, as PostgreSQL requires.

    Raises OperatorError for bytes that are no such text, and for a part larger than a command may be.
    """
    if value is not None and len(value) > MAX_BYTES:
        raise OperatorError(f"dead letter {letter['id']}: its {part} is over 1 MiB, and would be refused again")
    try:
        text = bytes(value or b"").decode()
    except UnicodeDecodeError:
        text = "\0"
    if value is None or "\0" in text:
        raise OperatorError(f"dead letter {letter['id']}: its {part} is no text; send it anew from where it came")
    return text
