"""The proof of the books: it agrees where they do, and names each cent that moved without a record of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner

from commandline.main import cli
from service.domain.auditing import Audit
from service.gateway.stripe_gateway import StripeGateway
from service.storage.engine import make_engine, refuse_inside_transaction
from service.usecases.operator_audit import MoneyAudit
from tests.support.core import DECLINED, RUNNER, VISA, Core

_AHEAD = timedelta(minutes=1)


@pytest.fixture
def money(core: Core) -> Iterator[MoneyAudit]:
    database = make_engine(core.settings.database_url.get_secret_value(), 1)
    yield MoneyAudit(database, StripeGateway(core.settings, refuse_inside_transaction))
    database.dispose()


def run(money: MoneyAudit, since: timedelta = timedelta(hours=1)) -> Audit:
    return money.run(datetime.now(UTC) - since, datetime.now(UTC) + _AHEAD, lambda: None)[0]


def _named(audit: Audit) -> list[tuple[str | None, str, str, str]]:
    return [(one.payment_id, one.difference, one.kind, one.currency) for one in audit.differing]


def _everything(core: Core) -> None:
    """Payments that ended in each way, and strangers' money."""
    core.authorize("c-held", "order-held")
    core.authorize("c-declined", "order-declined", DECLINED)
    canceled = core.authorize("c-canceled", "order-canceled")
    core.revert(canceled, "r-canceled")
    part = core.authorize("c-part", "order-part")
    core.stripe.dashboard("capture", core.intent(part), amount_to_capture=400)
    core.hear()
    core.release(part, "l-part")
    reverted = core.authorize("c-reverted", "order-reverted")
    core.release(reverted, "l-reverted")
    core.revert(reverted, "r-reverted")
    refunded = core.authorize("c-refunded", "order-refunded")
    core.release(refunded, "l-refunded")
    core.stripe.dashboard("refund", core.intent(refunded), amount=300)
    disputed = core.authorize("c-disputed", "order-disputed")
    core.release(disputed, "l-disputed")
    core.stripe.dispute(core.payment(disputed)["stripe_charge_id"])
    core.hear()


def test_books_of_every_kind_agree(core: Core, money: MoneyAudit) -> None:
    _everything(core)
    audit = run(money)
    assert (audit.differing, audit.under_way) == ([], [])
    assert audit.sums["sgd"]["stripe"] == audit.sums["sgd"]["ours"]
    assert audit.sums["sgd"]["ours"]["captured"] == 4 * 1500 - 1100


@pytest.mark.parametrize("action", ["refund", "reverse_transfer"])
def test_one_cent_moved_by_hand_is_named(core: Core, money: MoneyAudit, action: Any) -> None:
    payment = core.authorize()
    core.release(payment)
    moved = core.stripe.dashboard(action, core.intent(payment), amount=1)
    audit = run(money)
    kind = "refund" if action == "refund" else "reversal"
    assert _named(audit) == [(str(payment), "not recorded", kind, "sgd")]
    assert (audit.differing[0].stripe, audit.differing[0].ours) == (1, None)
    assert moved["id"] == audit.differing[0].proof
    core.hear()
    assert run(money).differing == []


def test_money_of_a_payment_whose_rows_are_lost_is_named(core: Core, money: MoneyAudit) -> None:
    lost, kept = core.authorize("c-lost", "order-lost"), core.authorize("c-kept", "order-kept")
    core.release(lost, "l-lost")
    core.release(kept, "l-kept")
    core.sql("ALTER TABLE movements DISABLE TRIGGER USER")
    for table in ("payment_transitions", "movements", "commands", "payments"):
        core.sql(f"DELETE FROM {table} WHERE payment_id = :p", p=lost)
    core.sql("ALTER TABLE movements ENABLE TRIGGER USER")
    assert {one.difference for one in run(money).differing} == {"of no payment"}
    assert {one.kind for one in run(money).differing} == {"hold", "capture", "transfer"}


def test_a_movement_that_stripe_does_not_have_is_named(core: Core, money: MoneyAudit) -> None:
    payment = core.authorize()
    core.release(payment)
    core.sql(
        "INSERT INTO movements (kind, proof, payment_id, amount, currency, by_us, cause, happened_at) "
        "VALUES ('refund', 're_invented', :p, 5, 'sgd', true, 'test', now())",
        p=payment,
    )
    assert _named(run(money)) == [(str(payment), "not at Stripe", "refund", "sgd")]


def test_other_programs_money_is_counted_apart(core: Core, money: MoneyAudit) -> None:
    payment = core.authorize()
    paid = {"amount": "900", "currency": "sgd", "payment_method": VISA, "confirm": "true", "return_url": "https://x.y"}
    core.ask_stripe("POST", "payment_intents", paid)
    core.ask_stripe("POST", "payment_intents", {**paid, "metadata[payment_id]": str(payment)})
    audit = run(money)
    assert audit.differing == []
    assert audit.foreign["sgd"]["capture"] == 1800


def test_what_an_open_command_may_still_write_down_is_under_way(core: Core, money: MoneyAudit) -> None:
    payment = core.authorize()
    core.stripe.fault("drop_after", "payment_intents.capture")
    core.release(payment)
    audit = run(money)
    assert audit.differing == []
    assert {(one.payment_id, one.kind) for one in audit.under_way} == {(str(payment), "capture")}
    core.settle()
    assert (run(money).differing, run(money).under_way) == ([], [])


def test_more_than_a_page_agrees_in_another_settlement_currency(core: Core, money: MoneyAudit) -> None:
    core.stripe.options(settlement_currency="usd", exchange_rate=0.74)
    for number in range(53):
        core.release(core.authorize(f"c-{number}", f"order-{number}"), f"l-{number}")
    audit = run(money)
    assert audit.differing == []
    assert audit.compared == 3 * 53
    assert audit.sums["usd"]["ours"] == {"transferred": 53 * 1110}


def test_what_moved_on_an_older_charge_is_seen_by_its_balance_transaction(core: Core, money: MoneyAudit) -> None:
    payment = core.authorize()
    core.release(payment)
    core.stripe.advance(3 * 86400)
    core.stripe.dashboard("refund", core.intent(payment), amount=7)
    start = datetime.now(UTC) + timedelta(days=2)
    found, _ = money.run(start, start + timedelta(days=2), lambda: None)
    assert [(one.kind, one.stripe) for one in found.differing] == [("refund", 7)]


def test_what_is_owed_is_told_by_party(core: Core, money: MoneyAudit) -> None:
    outlived: UUID = core.authorize("c-1", "order-1")
    core.release(outlived, "l-1")
    core.stripe.dashboard("refund", core.intent(outlived))
    taken: UUID = core.authorize("c-2", "order-2")
    core.release(taken, "l-2")
    core.stripe.dashboard("reverse_transfer", core.intent(taken), amount=400)
    core.authorize("c-3", "order-3")
    failed = core.authorize("c-4", "order-4", "pm_card_refundFail")
    core.release(failed, "l-4")
    core.revert(failed, "r-4")
    core.stripe.settle_refunds()
    core.hear()
    _, owed = money.run(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + _AHEAD, lambda: None)
    assert [(row["party"], row["currency"], int(row["amount"])) for row in owed] == [
        ("customer", "sgd", 1500),
        ("platform", "sgd", 1500),
        ("runner", "sgd", 400),
        ("undecided", "sgd", 1500),
    ]


@pytest.mark.parametrize(("moved", "code"), [(False, 0), (True, 1)])
def test_the_command_prints_what_differs_and_exits_by_it(core: Core, moved: bool, code: int) -> None:
    payment = core.authorize()
    core.release(payment, account=RUNNER)
    if moved:
        core.stripe.dashboard("refund", core.intent(payment), amount=1)
    environment = {
        "DATABASE_URL": core.settings.database_url.get_secret_value(),
        "STRIPE_SECRET_KEY": "sk_test_audit",
        "STRIPE_API_BASE": core.stripe.base_url,
        "COLUMNS": "200",
    }
    ahead = (datetime.now(UTC) + _AHEAD).isoformat()
    runner = CliRunner(env=environment)
    told = runner.invoke(cli, ["payment", "audit", "--until", ahead, "--json"], prog_name="cli.py")
    assert told.exit_code == code, told.output
    report = json.loads(told.stdout)
    assert [one["payment_id"] for one in report["differs"]] == ([str(payment)] if moved else [])
    assert set(report) == {"since", "until", "differs", "under_way", "foreign", "sums", "owed"}
    shown = runner.invoke(cli, ["payment", "audit", "--until", ahead], prog_name="cli.py")
    assert (str(payment) in shown.stdout) is moved
