"""``payment release`` and ``payment revert``, with the effect of the HTTP routes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import click

from commandline.acts import ActOptions, Objects, act_on, several_options
from commandline.batch import Skipped
from commandline.connection import reading
from commandline.environment import SettingsCommand, load_settings
from commandline.options import PAYMENT
from commandline.payment_filter import chosen, filter_options

if TYPE_CHECKING:
    from service.storage.engine import Engine
    from service.storage.operator_payments import PaymentFilter
    from service.storage.operator_session import Record
    from service.usecases.operations.payment_acts import PaymentActs, Queued

_READ = ("database_url", "payment_commands_topic")
_COLUMNS = ("payment_id", "status", "amount", "currency", "since", "order_id", "customer_id")


@click.command(
    cls=SettingsCommand,
    settings="runtime.settings:ProcessSettings",
    only=_READ,
    short_help="Capture payments and pay the runner.",
)
@click.argument("ids", metavar="[ID]...", type=PAYMENT, nargs=-1)
@click.option("--runner", "runner_id", required=True, metavar="ID", help="The runner who is paid.")
@click.option("--account", required=True, metavar="ID", help="The runner's Connect account, acct_….")
@filter_options(runner=False)
@several_options("--reason")
def release(
    ids: tuple[str, ...], *, runner_id: str, account: str, wanted: "PaymentFilter", options: ActOptions
) -> None:
    """Queue a release of payments, by their ids or by a filter: captured, and paid to the runner's account.

    As POST /payment/ID/release does. The consumer carries it out; an event tells the outcome. A payment is skipped
    while a release of it is open, after one by an operator for as long as its effect lasts, and when its status
    changes after the question. So it may be run again after Ctrl-C.

    \b
    cli.py payment release order-17 --runner runner-3 --account acct_1 --because "released by phone, ticket 81"
    """

    from service.domain.commands.command import FieldError
    from service.usecases.operations.payment_acts import release_of

    try:
        release_of(UUID(int=0), runner_id, account)
    except FieldError as error:
        raise click.UsageError(error.message) from error

    def act(acts: "PaymentActs", payment: "Record") -> "Queued":
        return acts.release(payment["payment_id"], runner_id, account, shown=payment["status"])

    _run("Release", ids, wanted, act, options)


@click.command(
    cls=SettingsCommand,
    settings="runtime.settings:ProcessSettings",
    only=_READ,
    short_help="Give the money of payments back.",
)
@click.argument("ids", metavar="[ID]...", type=PAYMENT, nargs=-1)
@filter_options(runner=True)
@several_options("--reason")
def revert(ids: tuple[str, ...], *, wanted: "PaymentFilter", options: ActOptions) -> None:
    """Queue a revert of payments, by their ids or by a filter: the hold is canceled, or the money refunded.

    As POST /payment/ID/revert does. The consumer carries it out; an event tells the outcome. A payment is skipped
    while a revert of it is open, after one by an operator for as long as its effect lasts, and when its status
    changes after the question. So it may be run again after Ctrl-C.

    \b
    cli.py payment revert 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f --because "the runner fell ill, ticket 81"
    cli.py payment revert --status AUTHORIZED --older-than 6d --because "held too long" --dry-run
    """

    def act(acts: "PaymentActs", payment: "Record") -> "Queued":
        return acts.revert(payment["payment_id"], shown=payment["status"])

    _run("Revert", ids, wanted, act, options)


def _run(
    verb: str,
    ids: Sequence[str],
    wanted: "PaymentFilter",
    act: "Callable[[PaymentActs, Record], Queued]",
    options: ActOptions,
) -> None:
    from runtime.settings import ProcessSettings
    from service.usecases.operations.payment_acts import MovedOnError, PaymentActs, Result

    why = options.grounds
    topic = load_settings(ProcessSettings, only=_READ).payment_commands_topic
    with reading() as connection:
        found = chosen(connection, ids, wanted)

    def one(engine: "Engine", payment: "Record") -> str | Skipped:
        try:
            result, correlation_id = act(PaymentActs(engine, topic, why), payment)
        except MovedOnError as error:
            return Skipped(f"is {error.status} now")
        return Skipped(correlation_id) if result is Result.SKIPPED else f"{result}: {correlation_id}"

    act_on(found, _PAYMENTS, verb, one, options)


def _name(payment: "Record") -> str:
    money = f"{payment['amount']} {payment['currency']}"
    return f"{payment['payment_id']} ({payment['status']}, {money}, order {payment['order_id']})"


_PAYMENTS = Objects("payments", _COLUMNS, _name, lambda payment: str(payment["payment_id"]))
