"""``payment``: what happened."""

from typing import TYPE_CHECKING, Any

import click

from commandline.connection import reading
from commandline.failures import CannotError
from commandline.money_audit import audit
from commandline.options import json_option
from commandline.output import say, show_list, show_record, table
from commandline.reconcile import reconcile

if TYPE_CHECKING:
    from service.storage.engine import Connection
    from service.usecases.operations.timeline import Entry

_TIMELINE = ("at", "source", "what", "detail")


@click.group(short_help="One payment: where it stands, and how it came there.")
def payment() -> None:
    """One payment: where it stands, and how it came there.

    ID is the payment's id, or its PaymentIntent's (pi_…), or its order's where the order has one payment only.

    \b
    cli.py payment show order-17
    cli.py payment timeline 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f --json
    """


payment.add_command(reconcile)
payment.add_command(audit)


@payment.command()
@click.argument("id_", metavar="ID")
@json_option
def show(id_: str, *, as_json: bool) -> None:
    """Everything recorded of the payment itself; amounts in minor units."""
    with reading() as connection:
        found = _payment(connection, id_)
    show_record(found, as_json=as_json)


@payment.command()
@click.argument("id_", metavar="ID")
@json_option
def timeline(id_: str, *, as_json: bool) -> None:
    """Commands, webhooks, changes of status and events of the payment, in order of time.

    An event is published as far as the relay's checkpoint says so; the checkpoint follows Kafka within a second.
    """
    from service.usecases.operations.timeline import timeline as entries_of

    with reading() as connection:
        found = _payment(connection, id_)
        entries = entries_of(connection, found)
    if as_json:
        show_list([entry.as_record() for entry in entries], (), limit=len(entries), as_json=True)
        return
    say(f"{found['payment_id']} of {found['order_id']}: {found['amount']} {found['currency']} in minor units")
    table([_line(entry) for entry in entries], _TIMELINE)


def _line(entry: "Entry") -> dict[str, str]:
    """An entry for people: what identifies it stands in the detail."""
    detail = [entry.detail] if entry.detail else []
    if entry.source.name == "EVENT":
        state = "published" if entry.published else "waits for the relay"
        detail = [] if entry.sequence is None else [f"sequence {entry.sequence}"]
        detail += [f"position {entry.position}", *(["replay"] if entry.replayed else []), state]
    elif entry.source.name == "COMMAND":
        detail = [f"correlation id {entry.correlation_id}"]
    at = f"{entry.at:%Y-%m-%d %H:%M:%S}.{entry.at.microsecond // 1000:03d}"
    return {"at": at, "source": entry.source.name.lower(), "what": entry.what, "detail": ", ".join(detail)}


def _payment(connection: "Connection", id_: str) -> dict[str, Any]:
    from service.storage.operator_reads import payments_called

    found = payments_called(connection, id_)
    if not found:
        raise CannotError(f"no payment, order or PaymentIntent {id_}")
    if len(found) > 1:
        choice = ", ".join(f"{each['payment_id']} ({each['status']})" for each in found)
        raise CannotError(f"order {id_} has {len(found)} payments; name one, newest first: {choice}")
    return found[0]
