"""The results of audits: one row a run, and the last of each kind for metrics."""

from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import insert, text

from service.domain.audit_results import AuditKind, AuditResult
from service.storage.engine import Connection
from service.storage.models import Audit

_LAST = text(
    """
    SELECT differences, greatest(extract(epoch FROM clock_timestamp() - finished_at), 0)
    FROM audits WHERE kind = :kind ORDER BY id DESC LIMIT 1
    """
)


class LastAudit(NamedTuple):
    """The last run: how many differences it found, and how many seconds ago it ended by the database's clock."""

    differences: int
    age: float


def keep(connection: Connection, result: AuditResult) -> None:
    """Append the result. Raises the database's error."""
    connection.execute(insert(Audit).values(asdict(result)))


def last(connection: Connection) -> dict[AuditKind, LastAudit]:
    """The last run of each kind that has run. Raises the database's error."""
    found = {kind: connection.execute(_LAST, {"kind": kind.value}).one_or_none() for kind in AuditKind}
    return {kind: LastAudit(row[0], float(row[1])) for kind, row in found.items() if row is not None}
