"""Reconciliation: it repairs after a lost webhook, changes nothing twice, and overwrites nothing newer."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from commandline.main import cli
from service.usecases.operations.sweep import Sweep
from service.wiring import sweeping
from tests.support.core import CHALLENGED, DECLINED, Core


@pytest.fixture
def sweep(core: Core) -> Iterator[Sweep]:
    with sweeping(core.settings) as found:
        yield found


def test_reconcile_repairs_a_lost_webhook_once(core: Core, sweep: Sweep) -> None:
    payment_id = core.authorize(card=CHALLENGED)
    core.stripe.finish_challenge(core.intent(payment_id))

    assert sweep.candidates(None) == [payment_id]
    assert sweep.examine(payment_id, dry_run=True).result == "would_repair"
    assert core.status(payment_id) == "REQUIRES_ACTION"

    assert sweep.examine(payment_id, dry_run=False).result == "repaired"
    assert core.status(payment_id) == "AUTHORIZED"
    assert sweep.examine(payment_id, dry_run=False).result == "agrees"
    assert core.summaries(payment_id) == ["authorize_payment: payment.authorized AUTHORIZED"]

    core.deliver_all(payment_id)
    assert core.summaries(payment_id) == ["authorize_payment: payment.authorized AUTHORIZED"]


def test_hold_that_ended_without_its_webhook_causes_a_news_event(core: Core, sweep: Sweep) -> None:
    payment_id = core.authorize()
    core.stripe.dashboard("cancel", core.intent(payment_id))

    assert sweep.examine(payment_id, dry_run=False).result == "repaired"

    assert core.status(payment_id) == "REVERTED"
    news = core.events(payment_id)[-1]
    assert news.answers is None
    assert sweep.candidates(None) == []


def test_consumers_compare_each_held_payment_once_per_interval(core: Core) -> None:
    ended, held = core.authorize(), core.authorize("c-2", "order-2")
    core.stripe.dashboard("cancel", core.intent(ended))
    assert core.complete() == 0, "both were looked at a moment ago"

    core.sql("UPDATE payments SET looked_at = looked_at - :passed", passed=core.settings.reconcile_interval)
    assert core.complete() == 2
    assert (core.status(ended), core.status(held)) == ("REVERTED", "AUTHORIZED")
    assert core.summaries(ended)[1:] == ["news: payment.failed STRIPE_PAYMENT_CANCELED"]
    assert core.complete() == 0


def test_settled_payment_is_no_candidate_and_does_not_change(core: Core, sweep: Sweep) -> None:
    paid = core.authorize()
    core.release(paid)
    declined = core.authorize("c-2", "order-2", DECLINED)
    core.settle()

    assert sweep.candidates(None) == []
    before = [core.payment(paid), core.payment(declined)]
    assert [sweep.examine(each, dry_run=False).result for each in (paid, declined)] == ["agrees", "agrees"]
    assert [core.payment(paid), core.payment(declined)] == before


def test_reconcile_runs_an_open_command(core: Core, sweep: Sweep) -> None:
    core.stripe.fault("drop_after", "payment_intents.create", times=1)
    payment_id = core.authorize()
    assert core.status(payment_id) == "INITIATING"

    finding = sweep.examine(payment_id, dry_run=False)

    assert (finding.result, finding.status) == ("repaired", "AUTHORIZED")
    assert core.effects(payment_id) == ["hold"]


@pytest.mark.usefixtures("quiet")
def test_reconcile_reports_an_undecided_payment(core: Core) -> None:
    payment_id = core.authorize()
    core.stripe.fault("drop_before", "payment_intents.retrieve", times=1)
    env = {
        "DATABASE_URL": core.settings.database_url.get_secret_value(),
        "STRIPE_SECRET_KEY": "sk_test_core",
        "STRIPE_API_BASE": core.stripe.base_url,
    }

    lost = CliRunner(env=env).invoke(cli, ["payment", "reconcile", "--json"])
    assert (lost.exit_code, '"undecided"' in lost.stdout) == (1, True)

    found = CliRunner(env=env).invoke(cli, ["payment", "reconcile", "--payment", str(payment_id), "--json"])
    assert (found.exit_code, '"agrees"' in found.stdout) == (0, True)
