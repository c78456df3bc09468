"""``payment audit``: proof that books and Stripe agree to the cent."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from commandline.environment import SettingsCommand, load_settings
from commandline.failures import CannotError, database_faults
from commandline.options import MOMENT, json_option
from commandline.output import say, show_record, table

if TYPE_CHECKING:
    from service.domain.auditing import Audit
    from service.usecases.operator_audit import MoneyAudit

_WRONG = ("payment_id", "difference", "kind", "proof", "stripe", "ours", "currency")
_SUMS = ("currency", "sum", "stripe", "ours")
_OWED = ("party", "currency", "amount", "payments")


@click.command(cls=SettingsCommand, settings="StripeSettings", short_help="Prove that books and Stripe agree.")
@click.option("--since", type=MOMENT, default="1d", show_default=True, help="What happened at Stripe from then on.")
@click.option("--until", type=MOMENT, help="And before this time; now, unless given.")
@json_option
def audit(*, since: datetime, until: datetime | None, as_json: bool) -> None:
    """Compare every movement of money that Stripe shows with the payments' records, both ways; mend nothing.

    Money of other programs on the account is counted apart. What a command that is open may still write down is under
    way. Exits 1 while anything else differs; `payment reconcile` mends what is not recorded.

    \b
    cli.py payment audit
    cli.py payment audit --since 2026-01-31T00:00Z --until 2026-02-01T00:00Z --json
    """
    until = until or datetime.now(UTC)
    with _auditing() as money, _progress() as seen:
        found, owed = money.run(since, until, seen)
    report = _report(found, [dict(row) for row in owed], since, until)
    if as_json:
        show_record(report, as_json=True)
    else:
        _show(report, found.compared)
    if found.differing:
        raise SystemExit(1)


@contextmanager
def _progress() -> Iterator[Callable[[], None]]:
    """How many objects were read: a list of Stripe's does not say how long it is."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.completed} objects of Stripe's read"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda: progress.advance(task)


@contextmanager
def _auditing() -> Iterator["MoneyAudit"]:
    from service import logs
    from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError
    from service.settings import StripeSettings
    from service.wiring import auditing

    settings = load_settings(StripeSettings)
    logs.configure("ERROR", "console", "audit")
    with database_faults(), auditing(settings) as money:
        try:
            yield money
        except (StripeBusyError, StripeRefusedError, StripeUnknownError) as error:
            raise CannotError(f"Stripe: {error}; nothing is proven, run it again") from error


def _report(found: "Audit", owed: list[dict[str, Any]], since: datetime, until: datetime) -> dict[str, Any]:
    return {
        "since": since,
        "until": until,
        "differs": [asdict(one) for one in found.differing],
        "under_way": [asdict(one) for one in found.under_way],
        "foreign": {currency: dict(kinds) for currency, kinds in sorted(found.foreign.items())},
        "sums": {
            currency: {side: dict(sorted(named.items())) for side, named in sides.items()}
            for currency, sides in sorted(found.sums.items())
        },
        "owed": [{**row, "amount": int(row["amount"])} for row in owed],
    }


def _show(report: dict[str, Any], compared: int) -> None:
    for title, name in (("differs", "differs"), ("under way", "under_way")):
        if report[name]:
            say(f"{title}:")
            table(report[name], _WRONG)
    if report["sums"]:
        say("sums, in minor units:")
        table(_sum_rows(report["sums"]), _SUMS)
    if report["owed"]:
        say("owed by all payments, in minor units:")
        table(report["owed"], _OWED)
    for currency, kinds in report["foreign"].items():
        amounts = ", ".join(f"{kind} {amount}" for kind, amount in kinds.items())
        say(f"of other programs, in {currency}: {amounts}")
    say(f"{compared} movements compared: {len(report['differs'])} differ, {len(report['under_way'])} under way")


def _sum_rows(sums: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"currency": currency, "sum": name, "stripe": sides["stripe"].get(name, 0), "ours": sides["ours"].get(name, 0)}
        for currency, sides in sums.items()
        for name in sorted({*sides["stripe"], *sides["ours"]})
    ]
