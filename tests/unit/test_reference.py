"""Generated documents equal the output of their generator."""

from pathlib import Path

import click
import pytest

from commandline.environment import SettingsCommand, meaning
from commandline.main import cli
from reference.__main__ import DOCUMENTS, ROOT
from reference.configuration import PROCESSES

ROW = "| `{}` |"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_generated_document_is_up_to_date(name: str) -> None:
    written = Path(ROOT, name).read_text(encoding="utf-8")
    assert written == DOCUMENTS[name](), "run: python -m reference"


@pytest.mark.parametrize("process", PROCESSES)
def test_help_of_a_process_names_the_settings_of_the_page(process: str) -> None:
    command = cli.get_command(click.Context(cli), process)
    assert isinstance(command, SettingsCommand)
    rows = Path(ROOT, "docs/configuration.md").read_text(encoding="utf-8").splitlines()
    on_page = {row.split("`")[1] for row in rows if row.startswith("| `") and f"`{process}`" in row.split("|")[2]}
    fields = PROCESSES[process].model_fields
    assert [name.upper() for name in command.setting_names()] == [name.upper() for name in fields]
    assert {name.upper() for name in fields} - on_page == set()
    for name, field in fields.items():
        assert field.description, name
        assert meaning(field).startswith(field.description)


def test_every_setting_of_a_process_is_used_in_its_code() -> None:
    """Each setting is searched by its name in the code that the process runs."""
    packages = {"serve": "service runtime", "consume": "consumer service runtime", "relay": "relay runtime"}
    for process, names in packages.items():
        files = [path for name in names.split() for path in (ROOT / name).rglob("*.py")]
        files.append(ROOT / "commandline/processes.py")
        text = "\n".join(path.read_text(encoding="utf-8") for path in files)
        unused = [name for name in PROCESSES[process].model_fields if f".{name}" not in text]
        assert unused == [], process
