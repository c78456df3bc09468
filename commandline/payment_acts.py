"""``payment release`` and ``payment revert``: what the HTTP routes do, for operators."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from commandline.acts import Batch, act_options, ask, dry_run_option, grounds
from commandline.connection import database
from commandline.environment import SettingsCommand, load_settings
from commandline.options import json_option
from commandline.output import show_list
from commandline.payment_filter import chosen, filter_of, filter_options

if TYPE_CHECKING:
    from service.domain.operator_acts import Grounds
    from service.storage.operator_payments import PaymentFilter
    from service.usecases.operations.payment_acts import PaymentActs, Queued

_READ = ("database_url", "payment_commands_topic")
_COLUMNS = ("payment_id", "status", "amount", "currency", "since", "order_id", "customer_id")


@click.command(
    cls=SettingsCommand,
    settings="runtime.settings:ProcessSettings",
    only=_READ,
    short_help="Capture payments and pay the runner.",
)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--runner", "runner_id", required=True, metavar="ID", help="The runner who is paid.")
@click.option("--account", required=True, metavar="ID", help="The runner's Connect account, acct_….")
@filter_options(runner=False)
@dry_run_option
@act_options("--reason")
@json_option
def release(
    ids: tuple[str, ...],
    *,
    runner_id: str,
    account: str,
    statuses: tuple[str, ...],
    older_than: timedelta | None,
    customer_id: str | None,
    order_id: str | None,
    dry_run: bool,
    **how: Any,
) -> None:
    """Queue a release of payments, by their ids or by a filter: captured, and paid to the runner's account.

    As POST /payment/ID/release does. The consumer carries it out; an event tells the outcome. A payment with a
    release that is open, or that an operator queued and that has not failed, is skipped: run it again after Ctrl-C.

    \b
    cli.py payment release order-17 --runner runner-3 --account acct_1 --because "released by phone, ticket 81"
    """
    wanted = filter_of(statuses, older_than, customer_id, order_id)

    def act(acts: "PaymentActs", payment_id: UUID) -> "Queued":
        return acts.release(payment_id, runner_id, account)

    _run("Release", ids, wanted, act, dry_run=dry_run, **how)


@click.command(
    cls=SettingsCommand,
    settings="runtime.settings:ProcessSettings",
    only=_READ,
    short_help="Give the money of payments back.",
)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@filter_options(runner=True)
@dry_run_option
@act_options("--reason")
@json_option
def revert(
    ids: tuple[str, ...],
    *,
    statuses: tuple[str, ...],
    older_than: timedelta | None,
    customer_id: str | None,
    order_id: str | None,
    runner_id: str | None,
    dry_run: bool,
    **how: Any,
) -> None:
    """Queue a revert of payments, by their ids or by a filter: the hold is canceled, or the money refunded.

    As POST /payment/ID/revert does. The consumer carries it out; an event tells the outcome. A payment with a revert
    that is open, or that an operator queued and that has not failed, is skipped: run it again after Ctrl-C.

    \b
    cli.py payment revert 6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f --because "the runner fell ill, ticket 81"
    cli.py payment revert --status AUTHORIZED --older-than 6d --because "held too long" --dry-run
    """
    wanted = filter_of(statuses, older_than, customer_id, order_id, runner_id)
    _run("Revert", ids, wanted, lambda acts, payment_id: acts.revert(payment_id), dry_run=dry_run, **how)


def _run(
    verb: str,
    ids: Sequence[str],
    wanted: "PaymentFilter",
    act: "Callable[[PaymentActs, UUID], Queued]",
    *,
    dry_run: bool,
    because: str,
    operator: str,
    yes: bool,
    as_json: bool,
) -> None:
    from runtime.settings import ProcessSettings
    from service.storage.operator_session import reading
    from service.usecases.operations.payment_acts import PaymentActs

    why: Grounds = grounds(operator, because)
    topic = load_settings(ProcessSettings, only=_READ).payment_commands_topic
    with database() as engine:
        with reading(engine) as connection:
            found = chosen(connection, ids, wanted)
        if dry_run or not found:
            show_list(found, _COLUMNS, limit=len(found), as_json=as_json)
            return
        ask(verb, "payments", [_name(each) for each in found], yes=yes)
        acts = PaymentActs(engine, topic, why)

        def one(payment: dict[str, Any]) -> str:
            queued = act(acts, payment["payment_id"])
            return f"{queued.result}: {queued.correlation_id}"

        Batch(verb.lower()).run(found, lambda each: str(each["payment_id"]), one, as_json=as_json)


def _name(payment: dict[str, Any]) -> str:
    money = f"{payment['amount']} {payment['currency']}"
    return f"{payment['payment_id']} ({payment['status']}, {money}, order {payment['order_id']})"
