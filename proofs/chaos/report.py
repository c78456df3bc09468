"""The table at the end."""

from rich.console import Console
from rich.table import Table

from proofs.chaos.run import Result

_EXAMPLES = 10


def show(result: Result, console: Console) -> None:
    """Print the counts of work and faults, and the violations with examples."""
    findings = result.findings
    done = {
        "sagas": result.sagas,
        "commands": result.commands,
        "duplicates sent": result.copies,
        "effects at Stripe": result.effects,
        "events": result.events,
        "  that came again": result.repeats,
        "faults survived": result.struck.total(),
        **{f"  {attack}": times for attack, times in sorted(result.struck.items())},
        "outages reported": len(result.reported),
        "  after seconds, at most": round(max(result.reported, default=0)),
        "rows that the database refused": result.refused_rows.total(),
    }
    wrong = {
        "losses": findings.losses,
        "doubled events": findings.doubles,
        "order breaks": findings.order_breaks,
        "double effects": findings.double_effects,
        "wrong ends": findings.wrong_ends,
        "sums that differ from Stripe's": findings.wrong_sums,
        "outages not reported": findings.unreported,
        "not proven by the audits": findings.unproven,
        "sagas gone wrong": result.failed,
    }
    table = Table(title=f"The chaos run, {result.seconds:.0f} s")
    table.add_column("")
    table.add_column("", justify="right")
    for name, number in done.items():
        table.add_row(name, f"{number:,}")
    table.add_section()
    for name, found in wrong.items():
        table.add_row(name, str(len(found)), style="red" if found else "green")
    console.print(table)
    for name, found in wrong.items():
        for example in found[:_EXAMPLES]:
            console.print(f"{name}: {example}", markup=False, soft_wrap=True)
