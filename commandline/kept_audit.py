"""Keeps the result of an audit in the database, where metrics and alerts find it."""

from datetime import UTC
from typing import TYPE_CHECKING

from commandline.connection import database
from commandline.failures import CannotError
from commandline.output import say

if TYPE_CHECKING:
    from service.domain.audit_results import AuditResult


def keep(result: "AuditResult") -> None:
    """Append the result. A refusal by the database is one line on stderr, and changes no exit code."""
    from service.storage import audits
    from service.storage.engine import transaction

    try:
        with database() as engine, transaction(engine) as connection:
            audits.keep(connection, result)
            last = audits.last(connection)[result.kind]
            if last.since is not None and not result.differences:
                begin = f"{last.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
                earlier = f"an earlier run found {last.differences}, and this window does not cover it"
                say(f"{earlier}; its alert ends after a run with --since {begin}", err=True)
    except CannotError as error:
        say(f"the result is not kept for metrics and alerts: {error.message}", err=True)
