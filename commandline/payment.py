"""``payment``: payments, their history, and an operator's acts on them."""

from typing import TYPE_CHECKING

import click

from commandline.connection import reading
from commandline.environment import OperatorGroup
from commandline.money_audit import audit
from commandline.options import PAYMENT, json_option, limit_option
from commandline.output import show_list, show_record
from commandline.payment_acts import release, revert
from commandline.payment_filter import filter_options, payment_called
from commandline.reconcile import reconcile
from commandline.timeline import timeline

if TYPE_CHECKING:
    from service.storage.operator_payments import PaymentFilter

_LISTED = ("payment_id", "status", "amount", "currency", "since", "order_id", "customer_id", "runner_id", "created_at?")


@click.group(cls=OperatorGroup, short_help="Payments: find them, see what happened, release and revert them.")
def payment() -> None:
    """Payments: find them, see what happened, release and revert them, compare them with Stripe.

    ID is the payment's id, or its order's where the order has one payment only, or one of Stripe's (pi_…, ch_…, tr_…,
    trr_…, re_…), or the correlation id of a command about it. --payment of other commands takes the same.

    \b
    cli.py payment list --status AUTHORIZED --older-than 6d
    cli.py payment show order-17
    cli.py payment timeline 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f --json
    """


for late in (timeline, release, revert, reconcile, audit):
    payment.add_command(late)


@payment.command("list")
@filter_options(runner=True)
@limit_option
@json_option
def list_(*, wanted: "PaymentFilter", limit: int, as_json: bool) -> None:
    """Payments, newest first; with --older-than oldest first. "since" is from when on they have their status.

    \b
    cli.py payment list --status AUTHORIZED --older-than 6d
    cli.py payment list --customer user_29w83sxmDNGwOuEthce5gg56FcC --limit 200 --json
    """
    from service.storage.operator_payments import list_payments

    with reading() as connection:
        found = list_payments(connection, wanted, limit + 1)
    show_list(found, _LISTED, limit=limit, as_json=as_json)


@payment.command()
@click.argument("id_", metavar="ID", type=PAYMENT)
@json_option
def show(id_: str, *, as_json: bool) -> None:
    """Everything recorded of the payment itself; amounts in minor units."""
    with reading() as connection:
        found = payment_called(connection, id_)
    show_record(found, as_json=as_json)
