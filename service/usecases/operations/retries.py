"""Commands and dead letters that an operator retries or discards."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from uuid import uuid4

from service.domain.command_json import MAX_BYTES
from service.domain.commands.command import CommandKey
from service.domain.messages import RESENT, OutgoingMessage
from service.domain.operator_acts import Grounds
from service.storage import (
    operator_actions,
    operator_outbox,
    operator_reads,
    operator_replays,
    operator_sessions,
    operator_writes,
    outbox,
)
from service.storage.engine import Connection, Engine, transaction
from service.storage.operator_session import Record
from service.storage.operator_writes import Schedule
from service.usecases.operations.errors import NotNeededError, OperatorError
from service.usecases.operations.holders import command_locked, naming_the_locker
from service.usecases.operations.letters import refuse_too_early

REFUSED_BY_KAFKA = -1
"""Partition of a dead letter that is a row of our own outbox; its offset is the row's position."""


def retry_command(engine: Engine, key: CommandKey, grounds: Grounds) -> bool:
    """Make an open command due now; False if it is due already, which is no act.

    Raises NotNeededError when it is under way or answered, OperatorError when it is unknown.
    """
    with command_locked(engine, key) as connection:
        found = operator_writes.lock_schedule(connection, key)
        if found is None:
            raise OperatorError(f"{key.command_type} {key.correlation_id} is unknown")
        schedule, payment_id = found
        if schedule in {Schedule.ANSWERED, Schedule.UNDER_WAY}:
            raise NotNeededError(f"{key.command_type} {key.correlation_id} {schedule}")
        if schedule is Schedule.WAITING:
            operator_writes.hasten(connection, key)
            of = {"correlation_id": key.correlation_id, "command_type": key.command_type}
            operator_actions.record(connection, grounds.act("command.retry", payment_id=payment_id, **of))
        return schedule is Schedule.WAITING


def retry_dead_letter(engine: Engine, id_: int, grounds: Grounds, *, force: bool = False) -> None:
    """Send the record to its topic again, through the outbox.

    Raises OperatorError when the dead letter is not open or cannot be sent; without ``force``, NotYetError for a
    command on a payment that does not exist yet.
    """
    with _letter_locked(engine, id_) as connection:
        letter = _open(connection, id_)
        if letter["partition"] == REFUSED_BY_KAFKA:
            _replay(connection, letter)
        else:
            message = _again(letter)
            if not force:
                refuse_too_early(connection, id_, letter["value"])
            outbox.append(connection, [message])
        operator_writes.resolve_dead_letter(connection, id_, "retried")
        operator_actions.record(connection, grounds.act("dead_letter.retry", dead_letter_id=id_))


def resend_dead_letter(engine: Engine, id_: int, value: bytes, grounds: Grounds, *, force: bool = False) -> None:
    """Send a mended record in the place of this one. The dead letter keeps what came.

    Raises OperatorError when the dead letter is not open, when it is a row of our own outbox, or when the new value is
    no text that a command may be; without ``force``, NotYetError for a command on a payment that does not exist yet.
    """
    with _letter_locked(engine, id_) as connection:
        letter = _open(connection, id_)
        if letter["partition"] == REFUSED_BY_KAFKA:
            raise OperatorError(f"dead letter {id_} is our own message, which nobody may change; dead-letter retry")
        message = _again({**letter, "value": value})
        if not force:
            refuse_too_early(connection, id_, value)
        outbox.append(connection, [message])
        operator_writes.resolve_dead_letter(connection, id_, "retried")
        detail = {"event_id": str(message.event_id), "sha256": sha256(value).hexdigest()}
        operator_actions.record(connection, grounds.act("dead_letter.resend", dead_letter_id=id_, detail=detail))


def discard_dead_letter(engine: Engine, id_: int, grounds: Grounds) -> None:
    """Close the dead letter without sending it; it stays in the database. Raises OperatorError when it is not open."""
    with _letter_locked(engine, id_) as connection:
        _open(connection, id_)
        operator_writes.resolve_dead_letter(connection, id_, "discarded")
        operator_actions.record(connection, grounds.act("dead_letter.discard", dead_letter_id=id_))


@contextmanager
def _letter_locked(engine: Engine, id_: int) -> Iterator[Connection]:
    """A transaction that locks the dead letter. Raises LockedError with the one that holds it already."""
    lockers = partial(operator_sessions.lockers_of_letter, id_=id_)
    with naming_the_locker(engine, f"dead letter {id_}", lockers), transaction(engine) as connection:
        yield connection


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
    """The record as an outbox row. One without a key gets a new one: commands are ordered by their content.

    Its ``ce_id`` is the row's, by which the relay and the audit recognize the record in the topic.
    """
    event_id = uuid4()
    key = f"dead-letter-{letter['id']}" if letter["key"] is None else _text(letter, "key", letter["key"])
    return OutgoingMessage(
        event_id=event_id,
        topic=letter["topic"],
        key=key,
        type=RESENT,
        value=_text(letter, "value", letter["value"]),
        headers=[
            *(
                (name, _text(letter, f"header {name}", bytes.fromhex(value or "")))
                for name, value in letter["headers"]
                if name != "ce_id"
            ),
            ("ce_id", str(event_id)),
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
