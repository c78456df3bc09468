"""``--help`` is fast and complete, and agrees with the code."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from commandline.main import cli
from consumer.settings import ConsumerSettings
from relay.settings import RelaySettings
from runtime.settings import ProcessSettings
from service.settings import ServiceSettings

ROOT = Path(__file__).parents[3]
SLOW = {"pydantic", "sqlalchemy", "alembic", "stripe", "flask", "rich", "confluent_kafka", "gunicorn", "structlog"}


def paths(group: click.Group, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*prefix, name)
        if isinstance(command, click.Group):
            yield from paths(command, (*prefix, name))


def help_of(*words: str) -> str:
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name="cli.py")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_command_of_the_contract_exists() -> None:
    wanted = {"demo", "up", "serve", "consume", "relay", "doctor", "stripe-events"}
    groups = {
        "db": {"upgrade", "current", "check"},
        "payment": {"list", "audit", "release", "revert", "show", "timeline", "reconcile"},
        "outbox": {"stats", "list", "show", "replay", "prune", "tail", "audit"},
        "command": {"list", "show", "retry", "reopen"},
        "dead-letter": {"list", "show", "retry", "discard"},
    }
    found = set(paths(cli))
    missing = {(name,) for name in wanted | set(groups)} | {(g, name) for g, names in groups.items() for name in names}
    assert missing - found == set()


def named(words: tuple[str, ...]) -> click.Command:
    command: click.Command | None = cli
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(cli), word)
    assert command is not None
    return command


WITHOUT_REASON = {
    *("db check", "db current", "db upgrade"),
    *("payment audit", "payment list", "payment show", "payment timeline"),
    *("outbox list", "outbox show", "outbox stats", "outbox tail"),
    *("command list", "command show", "dead-letter list", "dead-letter show"),
}
"""They read only, but for ``db upgrade``, which a deployment runs."""


def test_every_command_that_acts_takes_a_reason() -> None:
    leaves = [words for words in paths(cli) if len(words) > 1]
    silent = {" ".join(words) for words in leaves if "because" not in {each.name for each in named(words).params}}
    assert silent == WITHOUT_REASON


@pytest.mark.parametrize("words", list(paths(cli)), ids=" ".join)
def test_every_command_and_option_has_help(words: tuple[str, ...]) -> None:
    text = help_of(*words)
    assert text.startswith(f"Usage: cli.py {' '.join(words)}")
    command = named(words)
    assert command.help
    assert all(isinstance(p, click.Argument) or p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize(
    "words", [(), ("payment",), ("outbox", "replay"), ("db",), ("serve",), ("stripe-events",)], ids=" ".join
)
def test_help_imports_nothing_slow(words: tuple[str, ...]) -> None:
    """Imports take most of the time. Without slow imports ``--help`` is fast on every machine."""
    slow = SLOW - {"pydantic"} if words == ("serve",) else SLOW  # the help of settings comes from their fields
    program = (
        "import sys; from commandline.main import cli; cli([*sys.argv[1:], '--help'], standalone_mode=False);"
        f"sys.exit(', '.join({slow!r} & set(sys.modules)) or None)"
    )
    run = subprocess.run([sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "settings"), [("serve", ServiceSettings), ("consume", ConsumerSettings), ("relay", RelaySettings)]
)
def test_help_names_every_setting_with_its_meaning(command: str, settings: type[ProcessSettings]) -> None:
    text = " ".join(help_of(command).split())
    for name, field in settings.model_fields.items():
        assert field.description, name
        assert f"{name.upper()} {field.description}" in text
    assert "required" in text
    assert "default 25s" in text
