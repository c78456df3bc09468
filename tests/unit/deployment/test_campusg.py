"""docs/campusg.md and campusg.env name existing settings, and agree with each other."""

import re
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from commandline.main import cli
from consumer.settings import ConsumerSettings
from relay.settings import RelaySettings
from runtime.settings import ProcessSettings, load
from service.settings import ServiceSettings
from tests.support.campusg_env import campusg_env
from tests.unit.deployment.dockerfile import ROOT

PAGE = (ROOT / "docs" / "campusg.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
COMPOSE: dict[str, Any] = yaml.safe_load("".join(text for kind, text in BLOCKS if kind == "yaml"))
PROCESSES: dict[str, type[ProcessSettings]] = {
    "serve": ServiceSettings,
    "consume": ConsumerSettings,
    "relay": RelaySettings,
}
THEIRS = {"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1", "KAFKA_BROKERS": "kafka:29092"}
"""The variables of CampusG's own .env that the service uses."""


@pytest.mark.parametrize("process", PROCESSES)
def test_each_process_starts_with_the_file_and_the_secrets(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**THEIRS, **campusg_env()}.items():
        monkeypatch.setenv(name, value)
    load(PROCESSES[process])


def test_every_setting_in_the_file_exists_and_the_page_has_its_value() -> None:
    known = {name.upper() for kind in PROCESSES.values() for name in kind.model_fields}
    given = campusg_env()
    assert given.keys() <= known
    shown = dict(re.findall(r"`([A-Z_]+)=([^`]+)`", PAGE))
    assert shown.items() <= given.items()
    assert given.keys() - shown.keys() == {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"}, "the compose example has these"


def test_every_code_block_is_of_a_tested_kind() -> None:
    assert {kind for kind, _ in BLOCKS} == {"sh", "yaml"}
    lines = [line.split()[:2] for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
    assert {tuple(words) for words in lines} == {("docker", "compose"), ("python", "cli.py")}


def test_compose_example_runs_each_process_with_the_settings_file() -> None:
    services = COMPOSE["services"]
    assert [each["command"] for each in services.values()] == [["db", "upgrade"], *([name] for name in PROCESSES)]
    for each in services.values():
        assert CliRunner().invoke(cli, [*each["command"], "--help"]).exit_code == 0
        assert each["env_file"][-1].endswith("/campusg.env")
        assert each["environment"] == {"DATABASE_URL": campusg_env()["DATABASE_URL"]}
        assert each["build"]["target"] == "service"
    waited = {name for each in services.values() for name in each["depends_on"]} - services.keys()
    assert waited == {"payment-db", "kafka"}, "of CampusG's own"
