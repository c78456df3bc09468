"""The options that choose payments, and the payments that they choose."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

from commandline.failures import CannotError
from commandline.options import AGE, gathered
from runtime.plurals import number_of

if TYPE_CHECKING:
    from service.storage.engine import Connection
    from service.storage.operator_payments import PaymentFilter

F = TypeVar("F", bound=Callable[..., Any])

STATUSES = ("INITIATING", "REQUIRES_ACTION", "AUTHORIZED", "SUCCEEDED", "FAILED", "REVERTED")


def filter_options(*, runner: bool) -> Callable[[F], F]:
    """``--status``, ``--older-than``, ``--customer``, ``--order``, as one argument ``wanted``.

    ``runner`` adds ``--runner``. Without it the command may use ``--runner`` for a payee.
    """

    def add(command: F) -> F:
        options = [
            click.option("--order", "order_id", metavar="ID", help="Of this order."),
            click.option("--customer", "customer_id", metavar="ID", help="Of this customer."),
            click.option(
                "--older-than", type=AGE, metavar="T", help="For so long in their status: 15m, 6d; or since ISO 8601."
            ),
            click.option(
                "--status",
                "statuses",
                type=click.Choice(STATUSES, case_sensitive=False),
                multiple=True,
                help="In this status; may be given several times.",
            ),
        ]
        if runner:
            options.insert(1, click.option("--runner", "runner_id", metavar="ID", help="Paid to this runner."))
        fields = ("statuses", "older_than", "customer_id", "order_id", *(("runner_id",) if runner else ()))
        command = gathered(command, "wanted", fields, _filter_of)
        for option in options:
            command = option(command)
        return command

    return add


def _filter_of(
    statuses: Sequence[str],
    older_than: timedelta | None,
    customer_id: str | None,
    order_id: str | None,
    runner_id: str | None = None,
) -> "PaymentFilter":
    from service.domain.payment import PaymentStatus
    from service.storage.operator_payments import PaymentFilter

    chosen = tuple(dict.fromkeys(PaymentStatus(status) for status in statuses))
    return PaymentFilter(chosen, older_than, customer_id, runner_id, order_id)


def chosen(connection: "Connection", names: Sequence[str], wanted: "PaymentFilter") -> list[dict[str, Any]]:
    """The payments with these names, else those that the filter finds.

    Raises click.UsageError where neither or both are given, CannotError for a name that is no payment's.
    """
    from service.storage.operator_payments import list_payments, listed_payments

    if bool(names) == bool(wanted):
        raise click.UsageError("say which: IDs, or --status, --older-than, --customer, --order; not both")
    if names:
        found = [payment_called(connection, name) for name in names]
        return listed_payments(connection, [*dict.fromkeys(each["payment_id"] for each in found)])
    return list_payments(connection, wanted, None)


def payment_called(connection: "Connection", name: str) -> dict[str, Any]:
    """The one payment of this name (see ``PaymentType``). Raises CannotError where there is none, or several."""
    from service.storage.operator_reads import payments_called

    found = payments_called(connection, name)
    if not found:
        raise CannotError(f"no payment has the id {name}: not its own, its order's, one of Stripe's, or a command's")
    if len(found) > 1:
        choice = ", ".join(f"{each['payment_id']} ({each['status']})" for each in found)
        raise CannotError(f"{name} has {number_of(len(found), 'payment')}; name one, newest first: {choice}")
    return found[0]


def payment_id_called(connection: "Connection", name: str | None) -> UUID | None:
    """The id of the payment of this name; None for no name. Raises as ``payment_called`` does."""
    if name is None:
        return None
    found: UUID = payment_called(connection, name)["payment_id"]
    return found
