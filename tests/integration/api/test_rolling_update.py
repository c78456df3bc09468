"""The next release migrates first. Running processes of this release stay ready and find nothing to migrate."""

import subprocess
import sys

import pytest

from devstack.processes import environment
from tests.integration.api.server import ROOT, serving
from tests.integration.relay.writers import execute

pytestmark = pytest.mark.postgres

NEXT = "9999_of_the_next_release"


def _db(database_url: str, word: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(ROOT / "cli.py"), "db", word]
    return subprocess.run(
        words, env=environment(DATABASE_URL=database_url), cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_running_server_stays_ready_during_a_migration_of_the_next_release(database_url: str) -> None:
    with serving(database_url) as server:
        asked = [server.ask("GET", "/ready", "/ready")]
        execute(database_url, "UPDATE alembic_version SET version_num = %s", NEXT)
        asked.append(server.ask("GET", "/ready", "/ready"))
        execute(database_url, "UPDATE alembic_version SET version_num = '0001'")
        asked.append(server.ask("GET", "/ready", "/ready"))
        lines = [line for line in server.lines() if "alembic" in line["module"]]
    assert [answer.status for answer in asked] == [200, 200, 503], "a schema that is too old is none to work with"
    assert "0001" in asked[-1].body["message"]
    assert lines == [], "asked for its readiness, it writes no lines of Alembic's"


def test_previous_release_finds_nothing_to_migrate(database_url: str) -> None:
    execute(database_url, "UPDATE alembic_version SET version_num = %s", NEXT)
    for word in ("upgrade", "current", "check"):
        ended = _db(database_url, word)
        assert (ended.returncode, NEXT in ended.stdout) == (0, True), ended.stderr
    assert execute(database_url, "SELECT version_num FROM alembic_version") == [(NEXT,)]
