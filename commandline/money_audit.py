"""``payment audit``: proof that the payments' books and Stripe agree to the cent."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from commandline.environment import SettingsCommand, load_settings
from commandline.failures import database_faults, stripe_faults
from commandline.kept_audit import keep
from commandline.money_audit_report import as_record, show
from commandline.options import json_option, span_options
from commandline.output import counting, say_json
from commandline.stderr_log import log_to_stderr

if TYPE_CHECKING:
    from service.domain.audit_results import AuditResult
    from service.domain.books import Window
    from service.usecases.operations.audit import Report

_READ = ("database_url", "stripe_secret_key", "stripe_api_base", "stripe_timeout")
_DEFAULT_SPAN = timedelta(hours=24)


@click.command(
    cls=SettingsCommand,
    settings="service.settings:StripeSettings",
    only=_READ,
    short_help="Prove that the books and Stripe agree to the cent.",
)
@span_options
@json_option
def audit(*, since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """Compare everything that moved at Stripe with the payments' movements, in both directions. Changes no payment.

    Without --since the last 24 hours. Each difference is looked at again before it is reported. The work of an open
    command is under way, and no difference; other programs' money on the account is foreign, and none either. Exits 1
    when anything differs, or when Stripe does not answer. `payment reconcile` mends what can be mended.
    The result is kept for metrics and alerts.

    \b
    cli.py payment audit
    cli.py payment audit --since 2026-01-31T00:00Z --until 2026-02-01T00:00Z --json
    """
    window = _window(since, until)
    report = _report(window)
    keep(_result(report))
    if as_json:
        say_json(as_record(report), indent=2)
    else:
        show(report)
    if report.differs:
        raise SystemExit(1)


def _window(since: datetime | None, until: datetime | None) -> "Window":
    """In whole seconds, as Stripe counts: the last one is in it."""
    from service.domain.books import Window

    end = until or datetime.now(UTC)
    begin = since or end - _DEFAULT_SPAN
    if end.microsecond:
        end = end.replace(microsecond=0) + timedelta(seconds=1)
    if begin >= end:
        raise click.UsageError("--since must be before --until")
    return Window(begin.replace(microsecond=0).astimezone(UTC), end.astimezone(UTC))


def _result(report: "Report") -> "AuditResult":
    from service.domain.audit_results import AuditKind, AuditResult

    window = report.window
    return AuditResult(AuditKind.PAYMENT, window.since, window.until, report.compared, len(report.differs))


def _report(window: "Window") -> "Report":
    from service.settings import StripeSettings
    from service.wiring import auditing

    settings = load_settings(StripeSettings, only=_READ)
    log_to_stderr("audit")
    with database_faults(), stripe_faults(), auditing(settings) as found, counting() as count:
        return found.run(window, count)
