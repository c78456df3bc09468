"""``payment``: what happened."""

from typing import TYPE_CHECKING, Any

import click

from commandline.connection import reading
from commandline.failures import CannotError
from commandline.options import json_option
from commandline.output import show_list, show_record

if TYPE_CHECKING:
    from service.storage.engine import Connection

_TIMELINE = ("at", "source", "what", "sequence", "position", "published", "detail", "correlation_id")


@click.group(short_help="One payment: where it stands, and how it came there.")
def payment() -> None:
    """One payment: where it stands, and how it came there.

    ID is the payment's id, or its PaymentIntent's (pi_…), or its order's where the order has one payment only.

    \b
    cli.py payment show order-17
    cli.py payment timeline 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f --json
    """


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
    from service.usecases.operator_timeline import timeline as entries_of

    with reading() as connection:
        entries = [entry.as_record() for entry in entries_of(connection, _payment(connection, id_))]
    show_list(entries, _TIMELINE, limit=len(entries), as_json=as_json)


def _payment(connection: "Connection", id_: str) -> dict[str, Any]:
    from service.storage.operator_reads import payments_called

    found = payments_called(connection, id_)
    if not found:
        raise CannotError(f"no payment, order or PaymentIntent {id_}")
    if len(found) > 1:
        choice = ", ".join(f"{each['payment_id']} ({each['status']})" for each in found)
        raise CannotError(f"order {id_} has {len(found)} payments; name one, newest first: {choice}")
    return found[0]
