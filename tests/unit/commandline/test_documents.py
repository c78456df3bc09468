"""The commands and settings in README and runbook exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from commandline.main import cli
from consumer.settings import ConsumerSettings
from relay.settings import RelaySettings
from service.domain.errors import ErrorCode
from service.settings import OperatorSettings, ServiceSettings

ROOT = Path(__file__).parents[3]
DOCUMENTS = ("README.md", "docs/operations/runbook.md", "docs/campusg.md", "docs/operations/acts.md")
WITHOUT_COMMANDS = (
    "docs/configuration.md",
    "docs/operations/secrets.md",
    "docs/glossary.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
)
KINDS = (ServiceSettings, ConsumerSettings, RelaySettings, OperatorSettings)
SETTINGS = {name.upper() for kind in KINDS for name in kind.model_fields}
COMMAND = re.compile(r"python cli\.py ([^`#\n|(]+)")
SETTING = re.compile(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`")
EVENT_ID = "6b1f0f3a-5f0e-4d0c-9d0c-0f6f3c1d2e3f"
STANDS_FOR = {
    "CORRELATION_ID": "saga-1",
    "ORDER_ID": "order-1",
    "EVENT_ID": EVENT_ID,
    "F": "/dev/null",
    "TEXT": "ticket 81",
}

# codes of the contract and of dead letters, and names that are no variables of a process
NOT_SETTINGS = re.compile(
    r"ON_HUP|HTTPS_PROXY|HTTP_PROXY|NO_PROXY|SASL_PLAINTEXT|SASL_SSL|NO_TYPE|NO_CORRELATION_ID|NOT_JSON|NOT_AN_OBJECT|TOO_LARGE|TOO_DEEP"
    r"|RECORD_[A-Z_]+|TOPIC_NAME_INVALID|CORRELATION_ID_REUSED|NOT_STORABLE|REQUIRES_ACTION|REQUIRE_REAL|NAME_FILE|KAFKA_SASL_.*|KAFKA_SSL_.*"
    rf"|KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR|{'|'.join(ErrorCode)}"
)


def commands(document: str) -> list[str]:
    return [found.strip() for found in COMMAND.findall((ROOT / document).read_text())]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document_contains_commands(document: str) -> None:
    assert commands(document)


@pytest.mark.parametrize(("document", "line"), [(name, line) for name in DOCUMENTS for line in commands(name)])
def test_commands_of_the_documents_are_valid(document: str, line: str) -> None:
    words = [STANDS_FOR.get(word, word) for word in shlex.split(line)]
    command: click.Command = cli
    context = cli.make_context("cli.py", words, resilient_parsing=not words)
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None, line
        if rest == ["--help"]:
            return
        command, context = found, found.make_context(name, rest, parent=context)


@pytest.mark.parametrize("document", [*DOCUMENTS, *WITHOUT_COMMANDS])
def test_settings_named_in_the_documents_exist(document: str) -> None:
    named = {name for name in SETTING.findall((ROOT / document).read_text()) if not NOT_SETTINGS.fullmatch(name)}
    assert {name.removesuffix("_FILE") for name in named} - SETTINGS == set()
