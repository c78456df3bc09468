"""Every command and variable of compose.yml exists in the code, and its services agree with each other."""

from typing import Any

import click
import pytest
import yaml

from commandline.main import cli
from consumer.settings import ConsumerSettings
from devstack.kafka_install import KAFKA_VERSION
from devstack.stripe_simulator import __main__ as simulator
from relay.settings import RelaySettings
from runtime.settings import ProcessSettings, load
from service.settings import ServiceSettings
from tests.unit.deployment.dockerfile import ROOT, of

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, each in SERVICES.items() if each.get("build", {}).get("target") == "service"]
SETTINGS: dict[str, type[ProcessSettings]] = {
    "serve": ServiceSettings,
    "consume": ConsumerSettings,
    "relay": RelaySettings,
    "db": ProcessSettings,
}


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for each in of("service", "ENV") for pair in each.rest.split())


def test_compose_file_has_all_processes_and_servers() -> None:
    commands = {SERVICES[name]["command"][0] for name in OURS}
    assert commands == {"serve", "consume", "relay", "db"}
    assert {"postgres", "kafka", "simulator"} <= set(SERVICES)


@pytest.mark.parametrize("name", OURS)
def test_commands_of_the_compose_file_are_valid(name: str) -> None:
    command: click.Command = cli
    context = cli.make_context("cli.py", list(SERVICES[name]["command"]))
    while isinstance(command, click.Group):
        word, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        command, context = found, found.make_context(word, rest, parent=context)


@pytest.mark.parametrize("name", OURS)
def test_variables_of_the_compose_file_are_complete_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {**image_environment(), **SERVICES[name]["environment"]}.items():
        monkeypatch.setenv(variable, value)
    load(SETTINGS[SERVICES[name]["command"][0]])
    known = {field.upper() for kind in SETTINGS.values() for field in kind.model_fields}
    assert set(SERVICES[name]["environment"]) - known == set()


def test_simulator_accepts_its_arguments_and_shares_the_secrets_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["simulator", *SERVICES["simulator"]["command"]])
    arguments = simulator._arguments()
    environment = SERVICES["service"]["environment"]
    assert environment["STRIPE_API_BASE"] == f"http://simulator:{arguments.port}"
    assert environment["STRIPE_WEBHOOK_SECRET"] == arguments.webhook_secret
    assert arguments.webhook_url == f"http://service:{image_environment()['PORT']}/stripe-webhook"


def test_addresses_of_the_compose_file_name_its_services() -> None:
    environment = SERVICES["service"]["environment"]
    postgres = SERVICES["postgres"]["environment"]
    credentials = f"{postgres['POSTGRES_USER']}:{postgres['POSTGRES_PASSWORD']}"
    assert environment["DATABASE_URL"] == f"postgresql://{credentials}@postgres:5432/{postgres['POSTGRES_DB']}"
    listeners = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"INSIDE://{environment['KAFKA_BOOTSTRAP_SERVERS']}" in listeners.split(",")


def test_every_process_waits_for_the_migration() -> None:
    for name in OURS:
        waits = SERVICES[name]["depends_on"]
        assert set(waits) <= set(SERVICES)
        wanted = "postgres" if name == "migrate" else "migrate"
        assert wanted in waits


def test_compose_file_uses_the_kafka_version_of_the_tests() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_published_ports_are_bound_to_loopback_only() -> None:
    ports = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
