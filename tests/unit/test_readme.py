"""README.md: its pictures and examples agree with the code and the contract."""

import json
import re
from pathlib import Path

import pytest

from service.domain.payment import TRANSITIONS
from tests.support.acceptance_schema import check_command
from tests.support.readme import blocks

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["README.md", "docs/money.md"])
def test_diagram_has_exactly_the_transitions_of_the_table(page: str) -> None:
    drawn = re.findall(r"^    ([A-Z_]+) --> ([A-Z_]+):", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    table = [(str(before), str(after)) for before, ends in TRANSITIONS.items() for after in ends]
    assert sorted(drawn) == sorted(table)


def test_command_of_the_readme_matches_its_schema() -> None:
    command, _ = blocks("json")
    check_command(json.loads(command))


def test_the_client_has_ten_lines_beside_its_imports() -> None:
    (client,) = blocks("python")
    assert len(client.partition("Producer\n\n")[2].splitlines()) == 10
