"""Idempotency keys of HTTP requests: the command of each key, by route and payment."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import insert

from service.storage import models

RETENTION = timedelta(hours=48)
"""The contract promises 24 hours; the rest is a margin for wrong clocks and late callers."""

PRUNED_PER_CLAIM = 2
"""More than one, so that the table shrinks faster than it grows; few enough to delay no request."""

_INSERT = insert(models.RequestKey).values(
    route=bindparam("route"),
    payment_id=bindparam("payment_id"),
    idempotency_key=bindparam("idempotency_key"),
    fingerprint=bindparam("fingerprint"),
    correlation_id=bindparam("correlation_id"),
)
# DO UPDATE returns the earlier row even if it was committed a moment ago; DO NOTHING would return none.
_CLAIM = _INSERT.on_conflict_do_update(
    index_elements=["route", "payment_id", "idempotency_key"],
    set_={"fingerprint": models.RequestKey.fingerprint},
).returning(models.RequestKey.fingerprint, models.RequestKey.correlation_id)

_PRUNE = text(
    "DELETE FROM request_keys WHERE ctid = ANY(ARRAY("
    "SELECT ctid FROM request_keys WHERE created_at < now() - make_interval(secs => :seconds) "
    "ORDER BY created_at LIMIT :rows FOR UPDATE SKIP LOCKED))"
)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A caller's ``Idempotency-Key``, on one route of one payment."""

    route: str
    payment_id: UUID
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The request and command of a key: those of this claim, or of an earlier one."""

    fingerprint: bytes
    correlation_id: str


def claim(connection: Connection, key: RequestKey, wanted: Claim) -> Claim:
    """``wanted`` if the key was free, else the earlier claim. A simultaneous claim waits for the first."""
    row = connection.execute(
        _CLAIM,
        {
            "route": key.route,
            "payment_id": key.payment_id,
            "idempotency_key": key.idempotency_key,
            "fingerprint": wanted.fingerprint,
            "correlation_id": wanted.correlation_id,
        },
    ).one()
    return Claim(bytes(row.fingerprint), row.correlation_id)


def prune(connection: Connection) -> None:
    """Delete a few keys that are older than ``RETENTION``; skips rows that another request has locked."""
    connection.execute(_PRUNE, {"seconds": RETENTION.total_seconds(), "rows": PRUNED_PER_CLAIM})
