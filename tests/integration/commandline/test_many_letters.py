"""Acts on many dead letters: oldest first, resumable by the printed command, and without reading what they hold."""

import json
import re
import shlex
from typing import Any

import pytest

from commandline.batch import Batch
from service.domain.command_reader import read
from service.usecases.operations import letters
from tests.integration.commandline.conftest import CommandLine
from tests.integration.commandline.history import History
from tests.integration.commandline.test_acts import WHY, audit

pytestmark = pytest.mark.postgres

_NAMED = 10


def letter_of(number: int) -> bytes:
    return json.dumps({"type": "revert_payment", "correlation_id": f"saga-{number}", "payment_id": "none"}).encode()


@pytest.fixture
def many(history: History) -> History:
    for number in range(1, 13):
        history.add_dead_letter(number, letter_of(number))
    return history


def acted_on(history: History) -> list[int]:
    return [act["dead_letter_id"] for act in audit(history)]


def interrupted_after(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C arrives after so many acts."""
    whole = Batch._each

    def each(self: Batch, *more: Any) -> Any:
        every = whole(self, *more)
        for _ in range(number):
            yield next(every)
        raise KeyboardInterrupt

    monkeypatch.setattr(Batch, "_each", each)


@pytest.mark.parametrize("which", [("--reason", "NOT_JSON"), ("3", "1", "2")], ids=["filter", "ids"])
@pytest.mark.parametrize("act", ["retry", "discard"])
def test_oldest_letter_comes_first(
    commandline: CommandLine, history: History, act: str, which: tuple[str, ...]
) -> None:
    """Otherwise the revert of a saga would overtake its authorize, and nobody would cancel the hold."""
    for number in range(1, 4):
        history.add_dead_letter(number, letter_of(number))
    listed = commandline.json("dead-letter", act, *which, *WHY, "--dry-run")
    assert [letter["id"] for letter in listed] == [1, 2, 3]
    commandline.run("dead-letter", act, *which, *WHY, "--yes")
    assert acted_on(history) == [1, 2, 3]


@pytest.mark.parametrize("end", ["the first line", "the last line"])
def test_printed_command_acts_on_the_rest_and_on_nothing_newer(
    commandline: CommandLine, history: History, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """A letter that was sent and refused again is a new one, which the first run has not planned."""
    for number in range(1, 4):
        history.add_dead_letter(number, letter_of(number))
    words = ("dead-letter", "retry", "--reason", "NOT_JSON", "--since", "1h", "--because", "the row's back", "--yes")
    with monkeypatch.context() as once:
        interrupted_after(1, once)
        said = commandline.run(*words, code=1).stderr
    history.add_dead_letter(9, letter_of(1))
    printed = re.findall("cli.py (.*)", said)
    go_on = shlex.split(printed[0] if end == "the first line" else printed[-1])
    assert len(printed) == 2
    for _ in range(2):
        commandline.run(*go_on, answer="y\n")
    assert acted_on(history) == [1, 2, 3]
    assert {act["reason"] for act in audit(history)} == {"the row's back"}
    assert [letter["id"] for letter in commandline.json("dead-letter", "list")] == [4]


def test_act_reads_only_the_letters_that_its_question_names(
    commandline: CommandLine, many: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The values of all would fill the memory."""
    values: list[bytes] = []

    def counted(value: bytes, currency: str) -> Any:
        values.append(value)
        return read(value, currency)

    monkeypatch.setattr("service.usecases.operations.letters.read", counted)
    said = commandline.run("dead-letter", "discard", "--reason", "NOT_JSON", *WHY, answer="y\n").stderr
    assert values == [letter_of(number) for number in range(1, _NAMED + 1)]
    assert "10 (NOT_JSON, payment_commands/3@10, saga-10)" in said
    assert "and 2 more" in said
    assert "Discard these 12 dead letters?" in said
    assert len(acted_on(many)) == 12


def test_dry_run_lists_letters_without_what_they_hold(
    commandline: CommandLine, many: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "AT_ONCE", 5)
    listed = commandline.json("dead-letter", "retry", "--reason", "NOT_JSON", *WHY, "--dry-run")
    assert [letter["correlation_id"] for letter in listed] == [f"saga-{number}" for number in range(1, 13)]
    assert not {"key", "value", "headers"} & listed[0].keys()
    assert listed[0]["from"] == "payment_commands/3@1"


def test_unknown_letter_among_ids_is_named(commandline: CommandLine, many: History) -> None:
    said = commandline.run("dead-letter", "retry", "1", "77", *WHY, "--yes", code=1).stderr
    assert "no dead letter 77" in said
    assert acted_on(many) == []
