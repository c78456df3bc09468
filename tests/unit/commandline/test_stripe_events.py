"""``stripe-events`` prints the event types of a webhook endpoint, and the documents list the same types."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from commandline.main import cli
from service.domain.event_types import SUBSCRIBED
from service.gateway.client import API_VERSION
from tests.support import openapi

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TYPE = re.compile(r"[a-z_]+(?:\.[a-z_]+)+")


def run(*words: str) -> str:
    result = CliRunner(env={}).invoke(cli, ["stripe-events", *words])
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def blocks_of_types(document: str) -> list[list[str]]:
    """The code blocks that contain only event types."""
    blocks = [block.split() for block in BLOCK.findall((ROOT / document).read_text())]
    return [words for words in blocks if words and all(TYPE.fullmatch(word) for word in words)]


def test_every_subscribed_type_is_printed_on_a_line_of_its_own() -> None:
    assert run() == "".join(f"{name}\n" for name in SUBSCRIBED)


def test_json_option_prints_an_array_of_types() -> None:
    assert json.loads(run("--json")) == list(SUBSCRIBED)


def test_no_event_type_is_listed_twice() -> None:
    assert len(set(SUBSCRIBED)) == len(SUBSCRIBED)


@pytest.mark.parametrize("document", ["README.md", "docs/operations/runbook.md"])
def test_document_lists_the_subscribed_event_types(document: str) -> None:
    assert blocks_of_types(document) == [list(SUBSCRIBED)]


@pytest.mark.parametrize("document", ["README.md", "docs/operations/runbook.md"])
def test_document_names_the_pinned_api_version(document: str) -> None:
    versions = re.findall(r"\d{4}-\d{2}-\d{2}\.[a-z]+", (ROOT / document).read_text())
    assert versions == [API_VERSION]


def test_api_description_lists_the_subscribed_event_types() -> None:
    route = openapi.document()["paths"]["/stripe-webhook"]["post"]
    assert route["x-stripe-events"] == list(SUBSCRIBED)
