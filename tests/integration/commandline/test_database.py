"""``db check`` and ``db upgrade``."""

import pytest

from tests.integration.commandline.conftest import CommandLine

pytestmark = pytest.mark.postgres


def test_check_names_the_upgrade_command_which_works(empty_database_url: str) -> None:
    commandline = CommandLine(empty_database_url)
    assert "run: cli.py db upgrade" in commandline.run("db", "check", code=1).stderr
    assert commandline.json("db", "current")["current"] is None
    commandline.run("db", "upgrade")
    commandline.run("db", "upgrade")
    assert commandline.json("db", "check")["at_head"] is True


def test_other_commands_name_the_upgrade_command(empty_database_url: str) -> None:
    assert "run: cli.py db upgrade" in CommandLine(empty_database_url).run("outbox", "list", code=1).stderr
