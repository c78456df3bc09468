"""A prepared hot statement beside the same statement through an ORM session."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, bindparam, func, insert, update
from sqlalchemy.orm import Session

from bench.figures import Reach, Result, Row, per_round
from bench.scale import Scale
from bench.servers import Servers
from service.storage.engine import make_engine
from service.storage.models import Command, OutboxRow, Payment
from service.storage.prepared import Prepared, run

_APPEND = Prepared(insert(OutboxRow), ("event_id", "topic", "key", "type", "sequence", "value", "headers"))
_MOVE_ON = Prepared(
    update(Command)
    .where(Command.correlation_id == bindparam("of_id"), Command.command_type == bindparam("of_type"))
    .values(recovery_point=bindparam("point"))
)

Execute = Callable[[], None]


def measure(servers: Servers, scale: Scale) -> Result:
    """Measure rounds in turn, on one connection, in a transaction without a commit, so that no disk takes part."""
    with servers.database() as url:
        engine = make_engine(url, 1)
        with engine.connect() as connection, Session(connection) as session:
            # One row for each statement, because each statement would walk along the versions of a single row.
            commands = cycle(_commands(session, scale.statements))
            result = Result(
                (
                    _beside(
                        "INSERT into the outbox",
                        partial(_append, connection),
                        partial(_append_by_orm, session),
                        scale,
                    ),
                    _beside(
                        "UPDATE of a command",
                        partial(_move_on, connection, commands),
                        partial(_move_on_by_orm, session, commands),
                        scale,
                    ),
                )
            )
        engine.dispose()
    return result


def _beside(name: str, prepared: Execute, by_orm: Execute, scale: Scale) -> Row:
    # The first round does not count, because it makes plans and caches.
    rounds = [
        (_microseconds(prepared, scale.statements), _microseconds(by_orm, scale.statements))
        for _ in range(scale.rounds + 1)
    ]
    ours, theirs = zip(*rounds[1:], strict=True)
    beside = per_round("by an ORM session", "µs", [*theirs])
    return Row(per_round(f"{name}, prepared", "µs", [*ours]), beside, Reach(0.5, at_most=True))


def _microseconds(execute: Execute, times: int) -> float:
    """Time of one statement."""
    began = time.perf_counter()
    for _ in range(times):
        execute()
    return (time.perf_counter() - began) / times * 1e6


def _commands(session: Session, number: int) -> list[Command]:
    payment = Payment(
        payment_id=uuid4(),
        order_id="order",
        customer_id="customer",
        amount=1000,
        currency="sgd",
        status="INITIATING",
        authorize_correlation_id="authorize",
    )
    session.add(payment)
    session.flush()
    commands = [_command(payment.payment_id) for _ in range(number)]
    session.add_all(commands)
    session.flush()
    return commands


def _command(payment_id: UUID) -> Command:
    return Command(
        correlation_id=str(uuid4()),
        command_type="release_payment",
        fingerprint=bytes(32),
        payload={},
        payment_id=payment_id,
        state="pending",
        recovery_point="accepted",
        next_attempt_at=func.now(),
    )


def _row() -> dict[str, Any]:
    return {
        "event_id": uuid4(),
        "topic": "payment_events",
        "key": str(uuid4()),
        "type": "payment.authorized",
        "sequence": 1,
        "value": "{}",
        "headers": [["ce_type", "payment.authorized"]],
    }


def _append(connection: Connection) -> None:
    run(connection, (_APPEND, _row()))


def _append_by_orm(session: Session) -> None:
    session.add(OutboxRow(**_row()))
    session.flush()


def _move_on(connection: Connection, commands: Iterator[Command]) -> None:
    command = next(commands)
    bound = {"of_id": command.correlation_id, "of_type": command.command_type, "point": uuid4().hex}
    run(connection, (_MOVE_ON, bound))


def _move_on_by_orm(session: Session, commands: Iterator[Command]) -> None:
    next(commands).recovery_point = uuid4().hex
    session.flush()
