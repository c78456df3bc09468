"""The files that operators load ask for metrics that the running processes expose."""

import urllib.request

import pytest

from tests.support.acceptance import World
from tests.support.acceptance_webhooks import event_of
from tests.support.promql import alert_rules, dashboard_expressions, exposed, metrics_in

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

_OF_PROMETHEUS = {"up"}


def asked(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def test_alerts_and_dashboard_use_only_metrics_that_the_processes_expose(world: World) -> None:
    """A worker of ``serve`` shows a metric with labels once it was observed: hence the payment and the webhook."""
    world.outcome(world.release(world.held().payment_id))
    assert world.api.webhook(event_of(), "no signature").status == 400
    names = set().union(*(exposed(asked(service.port)) for service in world.application.services.values()))
    queries = [(name, rule["expr"]) for name, rule in alert_rules().items()] + list(dashboard_expressions())
    missing = {where: metrics_in(query) - names - _OF_PROMETHEUS for where, query in queries}
    assert {where: unknown for where, unknown in missing.items() if unknown} == {}
