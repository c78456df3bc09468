"""What an audit found, for people and for programs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from commandline.output import Record, plain, say, table

if TYPE_CHECKING:
    from service.domain.auditing import Difference
    from service.usecases.operations.audit import Report

WHOM = ("customer", "runner", "platform")

_MEANING = {
    "missing_here": "at Stripe, and not in the ledger",
    "missing_at_stripe": "in the ledger, and not at Stripe",
    "other_amount": "another amount",
    "other_payment": "in the ledger of another payment",
    "no_payment": "names us, and belongs to no payment",
    "other_facts": "the payment's record is not what its money says",
    "unexplained": "the balance changed, and nothing says why",
}


def as_record(report: "Report") -> Record:
    """One object."""
    found: Record = plain(
        {
            "window": {"since": report.window.since, "until": report.window.until},
            "compared": report.compared,
            "differs": [each.as_json() for each in report.differs],
            "foreign": report.foreign.as_json(),
            "sums": report.sums.as_json(),
            "owed": _owed(report),
            "under_way": [each.as_json() for each in report.under_way],
        }
    )
    return found


def _owed(report: "Report") -> dict[str, Any]:
    """The owed sums by currency and creditor, with their payments."""
    currencies = sorted({each["currency"] for each in (*report.owed, *report.undecided)})
    found: dict[str, Any] = {}
    for currency in currencies:
        of = [each for each in report.owed if each["currency"] == currency]
        found[currency] = {to: _sum([each for each in of if each["to"] == to]) for to in WHOM}
        waiting = [each for each in report.undecided if each["currency"] == currency]
        found[currency]["undecided"] = {
            "amount": sum(int(each["amount"]) for each in waiting),
            "count": sum(each["count"] for each in waiting),
        }
    return found


def _sum(of: list[dict[str, Any]]) -> dict[str, Any]:
    payments = [{name: each[name] for name in ("payment_id", "whom")} | {"amount": int(each["amount"])} for each in of]
    return {"amount": sum(each["amount"] for each in payments), "count": len(payments), "payments": payments}


def show(report: "Report") -> None:
    """Print tables. Each id is whole on one line of 80 columns."""
    say(f"from {plain(report.window.since)} to {plain(report.window.until)}, amounts in minor units")
    _list("differs", report.differs)
    _list("under way", report.under_way)
    _sums(report)
    _foreign(report)
    _owed_lines(report)
    click.echo()
    counts = {"payments compared": report.compared, "differences": len(report.differs)}
    counts["under way"] = len(report.under_way)
    say("; ".join(f"{name}: {count}" for name, count in counts.items()))


def _list(title: str, found: Iterable["Difference"]) -> None:
    for number, each in enumerate(found):
        if number == 0:
            _title(title)
        say(f"  {_MEANING[each.what.value]}")
        if each.proof is not None:
            say(f"    {each.kind} {each.proof}")
            theirs, ours = _money(each.stripe_amount, each.stripe_currency), _money(each.our_amount, each.our_currency)
            say(f"    Stripe {theirs}, ours {ours}")
        if each.payment_id is not None:
            say(f"    payment {each.payment_id}")
        if each.detail:
            say(f"    {each.detail}")


def _money(amount: int | None, currency: str | None) -> str:
    return "nothing" if amount is None else f"{amount} {currency}"


def _sums(report: "Report") -> None:
    rows = [
        {"currency": currency, "movement": kind, "stripe": sides["stripe"][kind], "ours": sides["ours"][kind]}
        for currency, sides in report.sums.as_json().items()
        for kind in sides["stripe"]
        if sides["stripe"][kind] or sides["ours"][kind]
    ]
    _table("sums of the movements", rows, ("currency", "movement", "stripe", "ours"))


def _foreign(report: "Report") -> None:
    rows = [
        {"currency": currency, "movement": kind, "amount": amount, "objects": sums["objects"]}
        for currency, sums in report.foreign.as_json().items()
        for kind, amount in sums.items()
        if kind != "objects"
    ]
    _table("foreign, by other programs on the account", rows, ("currency", "movement", "amount", "objects"))


def _owed_lines(report: "Report") -> None:
    rows = [
        {"to": to, "amount": owed["amount"], "currency": currency, "payments": owed["count"]}
        for currency, parties in _owed(report).items()
        for to, owed in parties.items()
        if owed["count"]
    ]
    _table("owed, by all payments", rows, ("to", "amount", "currency", "payments"))
    for each in report.owed:
        say(f"  {each['to']} {each['amount']} {each['currency']} {each['payment_id']}")


def _table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if rows:
        _title(title)
        table(rows, columns)


def _title(text: str) -> None:
    click.echo()
    say(f"{text}:")
