"""Reconciliation: it repairs after a lost webhook, changes nothing twice, and overwrites nothing newer."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from commandline.main import cli
from service.usecases.operations.sweep import Sweep
from service.wiring import sweeping
from tests.support.core import CHALLENGED, DECLINED, Core
from tests.support.loglines import logging_to_memory


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
    before = len(core.stripe.requests())
    with logging_to_memory() as lines:
        assert core.complete() == 2
    (line,) = [line for line in lines() if line["event"] == "held_payment_differs"]
    assert line["stripe_request_id"] in [look["request_id"] for look in core.stripe.requests()[before:]]
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


def _reconcile(core: Core, *words: str, code: int = 0) -> str:
    return _payment(core, "reconcile", *words, code=code)


def _payment(core: Core, *words: str, code: int = 0) -> str:
    env = {
        "DATABASE_URL": core.settings.database_url.get_secret_value(),
        "STRIPE_SECRET_KEY": "sk_test_core",
        "STRIPE_API_BASE": core.stripe.base_url,
    }
    done = CliRunner(env=env).invoke(cli, ["payment", *words, "--json"])
    assert done.exit_code == code, done.output
    return done.stdout


def _acts(core: Core) -> list[tuple[str, ...]]:
    rows = core.sql("SELECT action, operator, reason, payment_id::text FROM operator_actions ORDER BY id")
    return [tuple(row.values()) for row in rows]


@pytest.mark.usefixtures("quiet")
def test_reconcile_reports_an_undecided_payment(core: Core) -> None:
    payment_id = core.authorize()
    core.stripe.fault("drop_before", "payment_intents.retrieve", times=1)
    assert '"undecided"' in _reconcile(core, code=1)
    assert '"agrees"' in _reconcile(core, "--payment", str(payment_id))
    assert _acts(core) == []


@pytest.mark.usefixtures("quiet")
def test_reconcile_leaves_an_act_for_each_payment_that_it_changes(core: Core) -> None:
    missed, unfinished = core.authorize(), core.authorize("c-2", "order-2", CHALLENGED)
    core.authorize("c-3", "order-3")
    core.stripe.dashboard("cancel", core.intent(missed))
    core.stripe.fault("drop_after", "payment_intents.cancel", times=1)
    core.revert(unfinished)
    _reconcile(core, "--dry-run")
    assert _acts(core) == []

    _reconcile(core, "--because", "the webhooks of last night", "--operator", "ada")
    made = ("payment.reconcile", "ada", "the webhooks of last night")
    assert sorted(_acts(core)) == sorted([(*made, str(missed)), (*made, str(unfinished))])
    _reconcile(core, "--because", "once more")
    assert len(_acts(core)) == 2


@pytest.mark.usefixtures("quiet")
def test_the_act_of_a_reconciliation_names_the_requests_of_its_look(core: Core) -> None:
    payment_id = core.authorize()
    core.stripe.dashboard("cancel", core.intent(payment_id))
    before = len(core.stripe.requests())
    _reconcile(core, "--payment", str(payment_id), "--because", "no webhook came", "--operator", "ada")
    look = core.stripe.requests()[before]
    (act,) = [
        entry for entry in json.loads(_payment(core, "timeline", str(payment_id))) if entry["source"] == "operator"
    ]
    assert act["requests"] == [
        {"operation": look["operation"], "result": "ok", "request_id": look["request_id"]},
    ]
    assert act["detail"] == (f"by ada through cli: no webhook came; payment_intents.retrieve ok {look['request_id']}")
