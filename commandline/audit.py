"""``outbox audit``: proof that outbox and topics agree."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from commandline.acts import act_options, grounds
from commandline.connection import database
from commandline.environment import load_settings
from commandline.failures import CannotError, confirm
from commandline.kept_audit import keep
from commandline.options import MOMENT, json_option
from commandline.output import follow, show_record, table
from runtime.plurals import number_of

if TYPE_CHECKING:
    from relay.audit import Ours, Report
    from relay.settings import RelaySettings
    from service.domain.operator_acts import Grounds

_FINDINGS: dict[str, tuple[str, ...]] = {
    "missing": ("position", "event_id", "topic", "type", "sequence", "created_at"),
    "unknown": ("event_id", "topic", "partition", "offset", "type", "key", "sequence", "at"),
    "numbered_twice": ("key", "sequence", "event_id", "other_event_id"),
    "doubled": ("event_id", "topic", "times"),
    "out_of_order": ("event_id", "topic", "partition", "offset", "key", "sequence", "after_sequence"),
    "uncompared": ("topic", "rows", "first_position", "last_position", "first_created_at", "last_created_at"),
}


@click.command(short_help="Compare the outbox with what the topics hold.")
@click.option("--since", type=MOMENT, default="1d", show_default=True, help="Rows written from this time on.")
@click.option("--repair", is_flag=True, help="Publish what is missing, under its event id.")
@act_options("--reason", required=False)
@json_option
def audit(*, since: datetime, repair: bool, because: str | None, operator: str, yes: bool, as_json: bool) -> None:
    """Compare outbox and topics in both directions, by ce_id and sequence.

    Missing: published as the relay says, and not in its topic. --repair publishes it. Unknown: in a topic, and not in
    the outbox, because the database lost it. `payment reconcile --since` brings it back. Nothing repairs what is
    doubled, out of order or numbered twice in a topic. What a topic may have lost to its retention is uncompared, which
    proves nothing. Exits 1 if anything differs and was not repaired. Reads with RELAY_NAME's settings. The result is
    kept for metrics and alerts.

    \b
    cli.py outbox audit --since 2h
    cli.py outbox audit --since 2026-01-31T08:00Z --repair --reason "the broker lost its disk" --yes
    """
    from relay.settings import RelaySettings

    settings = load_settings(RelaySettings)
    why = grounds(operator, because) if repair else None
    report = _report(settings, since)
    repaired = _repair(report, why, ask=not yes) if why is not None and report.missing else 0
    differences = sum(len(getattr(report, name)) for name in _FINDINGS) - repaired
    _keep(report, since, differences, repaired)
    _show(report, repaired, as_json=as_json)
    if differences:
        raise SystemExit(1)


def _report(settings: "RelaySettings", since: datetime) -> "Report":
    from relay import checkpoint
    from relay.audit import audit as compare
    from relay.postgres import connect

    url = settings.database_url.get_secret_value()
    with _faults():
        with closing(connect(url, "audit")) as session:

            def query(statement: str, values: Sequence[Any]) -> Any:
                with session.cursor() as cursor:
                    cursor.execute(statement, values)
                    row = cursor.fetchone()
                return row[0] if row else None

            saved = checkpoint.load(query, settings.relay_name)
        if saved is None:
            raise CannotError(f"relay {settings.relay_name} has no checkpoint: it has published nothing yet")
        return compare(url, settings.client_config(), saved, since, _ours(settings))


def _ours(settings: "RelaySettings") -> "Ours":
    from relay.audit import Ours
    from service.domain.messages import SOURCE

    commands, events, letters = (
        settings.payment_commands_topic,
        settings.payment_events_topic,
        settings.dead_letter_topic,
    )
    return Ours(SOURCE, (commands, events, letters), shared=(commands,))


@contextmanager
def _faults() -> Iterator[None]:
    import psycopg2
    from confluent_kafka import KafkaException

    try:
        yield
    except psycopg2.Error as error:
        raise CannotError(f"database: {str(error).strip().partition(chr(10))[0]}") from error
    except KafkaException as error:
        raise CannotError(f"kafka: {error.args[0].str()}") from error


def _repair(report: "Report", why: "Grounds", *, ask: bool) -> int:
    from service.usecases.operations.replay import append_positions

    confirm(f"Publish {number_of(len(report.missing), 'missing row')}?", ask=ask)
    positions = [row.position for row in report.missing]
    with database() as engine:
        return follow("publishing", append_positions(engine, positions, why), total=len(positions))


def _keep(report: "Report", since: datetime, differences: int, repaired: int) -> None:
    from service.domain.audit_results import AuditKind, AuditResult

    keep(AuditResult(AuditKind.OUTBOX, since, None, report.compared, differences, repaired))


def _show(report: "Report", repaired: int, *, as_json: bool) -> None:
    found = {name: [row._asdict() for row in getattr(report, name)] for name in _FINDINGS}
    if as_json:
        show_record({"compared": report.compared, "repaired": repaired, **found}, as_json=True)
        return
    for name, columns in _FINDINGS.items():
        if found[name]:
            click.echo(f"{name.replace('_', ' ')}:")
            table(found[name], columns)
    if report.unknown:
        click.echo("the database lost these; cli.py payment reconcile --since BACKUP brings them back", err=True)
    counts = ", ".join(f"{len(found[name])} {name.replace('_', ' ')}" for name in _FINDINGS)
    click.echo(f"{number_of(report.compared, 'record')} compared: {counts}; {repaired} repaired")
