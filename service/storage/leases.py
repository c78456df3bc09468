"""Leases of commands: takes, renews and ends them. The fencing token of a lease guards every write under it."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Interval, and_, bindparam, func, null, select, update

from service.domain.commands.command import CommandKey
from service.domain.errors import LeaseLostError
from service.domain.progress import Ended
from service.storage.engine import Connection
from service.storage.models import Command
from service.storage.models.command import ANSWERED, DONE, PENDING
from service.storage.prepared import Prepared, run
from service.storage.request_notes import REQUESTS


@dataclass(frozen=True, slots=True)
class Fence:
    """A command and the fencing token that its writes need. ``note``: what the next write adds to its requests."""

    key: CommandKey
    token: UUID
    note: dict[str, Any] | None = None


_OF_KEY = and_(Command.correlation_id == bindparam("of_id"), Command.command_type == bindparam("of_type"))
_UNDER_TOKEN = Command.lease_token == bindparam("of_token")


@cache
def _fenced(names: tuple[str, ...]) -> Prepared:
    bound = {name: bindparam(name, type_=Command.__table__.c[name].type) for name in names}
    changed = update(Command).where(_OF_KEY, _UNDER_TOKEN)
    changed = changed.values(**bound, stripe_requests=REQUESTS, updated_at=func.now())
    return Prepared(changed.returning(Command.arrival))


def _bound(fence: Fence) -> dict[str, Any]:
    key = fence.key
    return {"of_id": key.correlation_id, "of_type": key.command_type, "of_token": fence.token, "note": fence.note}


def update_fenced(connection: Connection, fence: Fence, **values: Any) -> None:
    """Write to a command under its fencing token. Raises LeaseLostError when the token is no longer the command's."""
    if not run(connection, (_fenced(tuple(values)), {**_bound(fence), **values})):
        raise LeaseLostError(f"{fence.key.command_type} {fence.key.correlation_id}")


# now() is the beginning of the transaction, which may have waited for the payment's row and so shortened the lease.
_ENDS = func.clock_timestamp() + bindparam("lease", type_=Interval)
_TAKE = Prepared(
    update(Command)
    .where(_OF_KEY)
    .values(
        state=PENDING,
        lease_token=bindparam("token", type_=Command.lease_token.type),
        lease_expires_at=_ENDS,
        next_attempt_at=_ENDS,
        updated_at=func.now(),
    )
)


def take_lease(connection: Connection, key: CommandKey, token: UUID, lease: timedelta) -> None:
    """Lease an open command. The caller holds the payment's row lock and has checked that no lease is live."""
    bound = {"of_id": key.correlation_id, "of_type": key.command_type, "token": token, "lease": lease}
    run(connection, (_TAKE, bound))


def void_dead_leases(connection: Connection, payment_id: UUID) -> None:
    """End the payment's expired leases, because a payment has one lease at most."""
    # The condition on the token selects the partial index; without it PostgreSQL would read the whole table.
    leased = and_(Command.payment_id == payment_id, Command.lease_token.is_not(None))
    dead = and_(leased, Command.lease_expires_at <= func.now())
    connection.execute(update(Command).where(dead).values(lease_token=None, lease_expires_at=None))


_GIVE_BACK = Prepared(
    update(Command)
    .where(_OF_KEY, _UNDER_TOKEN)
    .values(
        attempts=Command.attempts + 1,
        recovery_point=bindparam("at", type_=Command.recovery_point.type),
        last_error=bindparam("fault", type_=Command.last_error.type),
        lease_token=null(),
        lease_expires_at=null(),
        next_attempt_at=func.clock_timestamp() + bindparam("delay", type_=Interval),
        stripe_requests=REQUESTS,
        updated_at=func.now(),
    )
    .returning(Command.arrival)
)


def give_back(connection: Connection, fence: Fence, delay: timedelta, *, recovery_point: str, fault: str) -> None:
    """End a lease; the command runs again after ``delay``. Raises LeaseLostError when another worker has the lease."""
    values = {**_bound(fence), "at": recovery_point, "fault": fault, "delay": delay}
    if not run(connection, (_GIVE_BACK, values)):
        raise LeaseLostError(f"{fence.key.command_type} {fence.key.correlation_id}")


_ADD_NOTE = Prepared(update(Command).where(_OF_KEY, Command.lease_token.is_(None)).values(stripe_requests=REQUESTS))


def note(connection: Connection, fence: Fence) -> None:
    """Keep the note of a call whose lease a webhook or another worker ended, if no one has a lease of the command now.

    Nothing else of the command changes.
    """
    run(connection, (_ADD_NOTE, _bound(fence)))


_AGE = func.extract("epoch", func.clock_timestamp() - Command.received_at)
_ENDED = (
    update(Command)
    .where(_OF_KEY, Command.state != DONE)
    .values(
        state=DONE,
        recovery_point=ANSWERED,
        outcome=bindparam("answer", type_=Command.outcome.type),
        lease_token=null(),
        lease_expires_at=null(),
        completed_at=func.now(),
        updated_at=func.now(),
    )
    .returning(Command.traceparent, Command.reopened, _AGE)
)
_FINISH = Prepared(_ENDED)
_FINISH_FENCED = Prepared(_ENDED.where(_UNDER_TOKEN).values(stripe_requests=REQUESTS))


def finish(connection: Connection, key: CommandKey, outcome: dict[str, Any] | None, fence: Fence | None) -> Ended:
    """End a command together with its lease; returns the facts of it that its outcome event needs.

    Without the command's fence the present holder loses the lease, because a webhook or a revert answers the command
    instead. Raises LeaseLostError when the fence's token is no longer the command's, or when the command is answered
    already.
    """
    bound = {"of_id": key.correlation_id, "of_type": key.command_type, "answer": outcome}
    rows = run(connection, (_FINISH, bound) if fence is None else (_FINISH_FENCED, {**bound, **_bound(fence)}))
    if not rows:
        raise LeaseLostError(f"{key.command_type} {key.correlation_id} is answered already")
    traceparent, reopened, seconds = rows[0]
    return Ended(traceparent, reopened, max(0.0, float(seconds)))


_FREE = (
    select(Command.correlation_id, Command.command_type)
    .where(Command.lease_token.in_(bindparam("tokens", expanding=True)))
    .with_for_update(skip_locked=True)
    .subquery()
)


def renew(connection: Connection, tokens: list[UUID], lease: timedelta) -> None:
    """Extend the leases of calls to Stripe that are still in progress.

    A locked row is skipped, so that the other leases need not wait for it. The lock's holder is about to write the
    command, or at least keeps every other worker from taking its lease.
    """
    ends = func.now() + lease
    same = and_(Command.correlation_id == _FREE.c.correlation_id, Command.command_type == _FREE.c.command_type)
    renewed = update(Command).where(same).values(lease_expires_at=ends, next_attempt_at=ends)
    connection.execute(renewed, {"tokens": tokens})
