"""``doctor`` finds each fault and names its remedy."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient

from commandline.main import cli
from devstack.kafka import Kafka
from devstack.simulator import StripeSimulator
from devstack.stripe_simulator.client import SimulatorControl
from devstack.topics import make_topic

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


@pytest.fixture(scope="module")
def stripe() -> Iterator[str]:
    simulator = StripeSimulator()
    try:
        yield simulator.start().api_base
    finally:
        simulator.close()


@pytest.fixture
def control(stripe: str) -> SimulatorControl:
    """A simulator without the state of other tests."""
    simulator = SimulatorControl(stripe)
    simulator.reset()
    return simulator


@pytest.fixture(scope="module")
def topic_names(kafka: Kafka) -> dict[str, str]:
    """Names of existing topics."""
    mark = secrets.token_hex(4)
    names = {"PAYMENT_COMMANDS_TOPIC": f"commands_{mark}", "PAYMENT_EVENTS_TOPIC": f"events_{mark}"}
    wanted = {*names.values(), f"commands_{mark}.dead_letter"}
    for name in wanted:
        make_topic(kafka, name)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    while not wanted <= set(admin.list_topics(timeout=10).topics):
        pass  # a new topic is not in every answer at first
    return names


@pytest.fixture
def healthy(database_url: str, kafka: Kafka, stripe: str, topic_names: dict[str, str]) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "STRIPE_SECRET_KEY": "sk_test_1",
        "STRIPE_API_BASE": stripe,
        "STRIPE_WEBHOOK_SECRET": "whsec_1",
        **topic_names,
    }


def doctor(env: dict[str, str]) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner(env=env).invoke(cli, ["doctor", "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_healthy_environment_has_no_finding(healthy: dict[str, str]) -> None:
    code, findings = doctor(healthy)
    assert [each for each in findings if not each["ok"]] == []
    assert {"database", "schema", "clock", "Kafka", "topic", "Stripe", "webhooks"} <= {
        each["check"] for each in findings
    }
    assert code == 0
    assert "WRONG" not in CliRunner(env=healthy).invoke(cli, ["doctor"]).stdout


@pytest.mark.parametrize(
    ("change", "check", "mend"),
    [
        ({"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/x"}, "database", "DATABASE_URL"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, "Kafka", "KAFKA_BOOTSTRAP_SERVERS"),
        ({"KAFKA_CONFIG": "no.such.setting=1"}, "Kafka", "KAFKA_CONFIG"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:1"}, "Stripe", "STRIPE_API_BASE"),
        ({"STRIPE_SECRET_KEY": "sk_test_invalid"}, "Stripe", "STRIPE_SECRET_KEY"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "webhooks", "STRIPE_WEBHOOK_SECRET"),
        ({"LEASE": "soon"}, "settings of consume", "cli.py consume --help"),
    ],
)
def test_single_fault_is_found_with_its_remedy(
    healthy: dict[str, str], change: dict[str, str], check: str, mend: str
) -> None:
    code, findings = doctor({**healthy, **change})
    wrong = [each for each in findings if not each["ok"]]
    assert [each["check"] for each in wrong] == [check]
    assert mend in wrong[0]["mend"]
    assert "hidden" not in str(findings)
    assert code == 1


def test_stripe_is_asked_through_the_configured_proxy(healthy: dict[str, str]) -> None:
    """The proxy does not answer, so the service cannot reach Stripe, although this machine could."""
    code, findings = doctor({**healthy, "HTTP_PROXY": "http://u:hidden@127.0.0.1:1", "NO_PROXY": ""})
    (wrong,) = [each for each in findings if not each["ok"]]
    assert (code, wrong["check"]) == (1, "Stripe")
    assert "through the proxy 127.0.0.1:1" in wrong["detail"]
    assert "HTTPS_PROXY" in wrong["mend"]
    assert "hidden" not in str(findings)


@pytest.mark.real_kafka
def test_missing_topics_are_named(healthy: dict[str, str]) -> None:
    _, findings = doctor({**healthy, "PAYMENT_EVENTS_TOPIC": "nowhere"})
    assert [each["detail"] for each in findings if not each["ok"]] == ["nowhere is missing"]


def test_outdated_schema_is_found(healthy: dict[str, str], empty_database_url: str) -> None:
    _, findings = doctor({**healthy, "DATABASE_URL": empty_database_url})
    assert [each["mend"] for each in findings if not each["ok"]] == ["run: cli.py db upgrade"]


def test_missing_setting_skips_the_checks_that_need_it(healthy: dict[str, str]) -> None:
    _, findings = doctor({**healthy, "STRIPE_SECRET_KEY": ""})
    wrong = {each["check"]: each["detail"] for each in findings if not each["ok"]}
    assert wrong == {
        "settings of serve": "STRIPE_SECRET_KEY: is not set",
        "settings of consume": "STRIPE_SECRET_KEY: is not set",
        "Stripe": "not tried",
        "webhooks": "not tried",
    }


def endpoint(**changes: Any) -> dict[str, Any]:
    return {"url": "https://pay.example/stripe-webhook", **changes}


def of_endpoints(findings: list[dict[str, Any]]) -> list[tuple[bool, bool, str, str | None]]:
    chosen = [each for each in findings if each["check"] == "webhook endpoint"]
    return [(each["ok"], each["warning"], each["detail"], each["mend"]) for each in chosen]


def test_complete_webhook_endpoint_is_reported_as_correct(healthy: dict[str, str], control: SimulatorControl) -> None:
    control.webhook_endpoints([endpoint()])
    code, findings = doctor(healthy)
    [(ok, warning, detail, mend)] = of_endpoints(findings)
    assert (code, ok, warning, mend) == (0, True, False, None)
    assert "pay.example/stripe-webhook" in detail


@pytest.mark.parametrize("change", [{"enabled_events": ["refund.created"]}, {"api_version": "2020-08-27"}])
def test_incomplete_webhook_endpoint_is_reported(
    healthy: dict[str, str], control: SimulatorControl, change: dict[str, Any]
) -> None:
    control.webhook_endpoints([endpoint(**change)])
    code, findings = doctor(healthy)
    assert [(ok, warning) for ok, warning, _, _ in of_endpoints(findings)] == [(False, False)]
    assert code == 1


def test_an_account_without_endpoints_is_a_warning(healthy: dict[str, str], control: SimulatorControl) -> None:
    code, findings = doctor(healthy)
    assert [(ok, warning) for ok, warning, _, _ in of_endpoints(findings)] == [(True, True)]
    assert code == 0
    assert "warn   webhook endpoint: none" in CliRunner(env=healthy).invoke(cli, ["doctor"]).stdout


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_unreadable_webhook_endpoints_are_a_warning(
    healthy: dict[str, str], control: SimulatorControl, status: int
) -> None:
    control.fault("refuse", "webhook_endpoints.list", status=status)
    code, findings = doctor(healthy)
    [(ok, warning, detail, mend)] = of_endpoints(findings)
    assert (code, ok, warning) == (0, True, True)
    assert "not compared" in detail
    assert "cli.py stripe-events" in (mend or "")


def test_wrong_clock_is_found_by_two_checks(healthy: dict[str, str]) -> None:
    words = [sys.executable, "-m", "tests.support.shifted_clock", "600", "doctor", "--json"]
    ended = subprocess.run(words, env={**os.environ, **healthy}, capture_output=True, text=True, check=False)
    findings = [each for each in json.loads(ended.stdout) if each["check"] == "clock"]
    assert [each["ok"] for each in findings] == [False, False]
    assert [each["detail"].partition(" s ")[2] for each in findings] == ["ahead of the database's", "ahead of Stripe's"]
    assert ended.returncode == 1
