"""The results of audits: one row a run, and for metrics the age of the last and the differences still open."""

from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, text

from service.domain.audit_results import AuditKind, AuditResult
from service.storage.engine import Connection
from service.storage.models import Audit

_LAST = text(
    """
    WITH still_open AS (
        SELECT differences, since FROM audits AS found WHERE kind = :kind AND differences > 0 AND NOT EXISTS (
            SELECT FROM audits AS later WHERE later.kind = found.kind AND later.id > found.id
                AND later.since <= found.since
                AND coalesce(later.until, later.finished_at) >= coalesce(found.until, found.finished_at)))
    SELECT (SELECT coalesce(max(differences), 0) FROM still_open), (SELECT min(since) FROM still_open),
        greatest(extract(epoch FROM clock_timestamp() - finished_at), 0)
    FROM audits WHERE kind = :kind ORDER BY id DESC LIMIT 1
    """
)


class LastAudit(NamedTuple):
    """The last run, and what is open: a run's differences are, until a later run covers its whole window.

    Else a nightly audit would end the alert, because its window does not contain what the night before found.
    """

    differences: int
    """The most that an open run found."""
    since: datetime | None
    """The earliest begin of the windows of open runs (UTC): an audit from there on covers them all."""
    age: float
    """Seconds since the last run ended, by the database's clock."""


def keep(connection: Connection, result: AuditResult) -> None:
    """Append the result. Raises the database's error."""
    connection.execute(insert(Audit).values(asdict(result)))


def last(connection: Connection) -> dict[AuditKind, LastAudit]:
    """The last run of each kind that has run. Raises the database's error."""
    found = {kind: connection.execute(_LAST, {"kind": kind.value}).one_or_none() for kind in AuditKind}
    return {kind: LastAudit(row[0], row[1], float(row[2])) for kind, row in found.items() if row is not None}
