"""The embedded PostgreSQL keeps committed rows through kill -9 and restart, and leaves no files behind."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from devstack.databases import Databases
from devstack.postgres import start_postgres
from devstack.postgres_embedded import EmbeddedPostgres, StopMode

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as running:
        yield running


def _execute(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


def test_kill_keeps_committed_rows(server: EmbeddedPostgres) -> None:
    url = server.url
    _execute(url, "CREATE TABLE kept AS SELECT generate_series(1, 5000) AS i")
    busy = psycopg2.connect(url)  # a backend of the killed server must not block the next server
    with busy.cursor() as cursor:
        cursor.execute("DELETE FROM kept")
    server.kill()
    server.start()
    busy.close()
    assert server.url == url
    assert _execute(url, "SELECT count(*) FROM kept") == [(5000,)]


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_stop_and_start_again(server: EmbeddedPostgres, mode: StopMode) -> None:
    _execute(server.url, "CREATE TABLE IF NOT EXISTS empty (i int)")
    server.stop(mode)
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(server.url)
    server.start()
    assert _execute(server.url, "SELECT count(*) FROM empty") == [(0,)]


def test_promotion_keeps_all_rows_and_begins_a_new_timeline(server: EmbeddedPostgres) -> None:
    timeline = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"
    _execute(server.url, "CREATE TABLE promoted AS SELECT generate_series(1, 5000) AS i")
    before = _execute(server.url, timeline)
    server.promote()
    assert _execute(server.url, "SELECT count(*) FROM promoted") == [(5000,)]
    assert _execute(server.url, timeline) > before


def test_copy_has_the_rows_of_its_template(server: EmbeddedPostgres) -> None:
    template = server.databases.create("template")
    _execute(template, "CREATE TABLE t AS SELECT 1 AS one")
    copy = server.databases.create("copy of it", template="template")
    assert _execute(copy, "SELECT one FROM t") == [(1,)]


def test_drop_disconnects_open_sessions(server: EmbeddedPostgres) -> None:
    connection = psycopg2.connect(server.databases.create("used"))
    server.databases.drop("used")
    with pytest.raises(psycopg2.OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()


def test_server_requires_its_password(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(host="127.0.0.1", port=server.port, user="payments", password="guess", dbname="postgres")


def test_server_uses_the_settings_of_the_caller(server: EmbeddedPostgres) -> None:
    assert _execute(server.url, "SHOW fsync") == [("off",)]
    with EmbeddedPostgres({"fsync": "on", "max_connections": "30"}) as other:
        assert _execute(other.url, "SHOW fsync") == [("on",)]
        assert _execute(other.url, "SHOW max_connections") == [("30",)]


def test_every_server_is_a_cluster_of_its_own(server: EmbeddedPostgres) -> None:
    identity = "SELECT system_identifier FROM pg_control_system()"
    with EmbeddedPostgres() as other:
        assert _execute(server.url, identity) != _execute(other.url, identity)


def test_no_file_and_no_process_is_left_behind() -> None:
    server = EmbeddedPostgres()
    server.start()
    data = Path(str(_execute(server.url, "SHOW data_directory")[0][0]))
    postmaster = int((data / "postmaster.pid").read_text().splitlines()[0])
    server.close()
    assert not data.parent.exists()
    assert not psutil.pid_exists(postmaster)


def test_given_database_is_used_unchanged(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", server.url)
    given = start_postgres()
    assert (given.kind, given.url) == ("given", server.url)
    given.close()
    assert _execute(server.url, "SELECT 1") == [(1,)]


def test_a_database_url_keeps_its_user_and_options() -> None:
    databases = Databases("postgresql://u:p%40@h:1/first?sslmode=require")
    assert databases.url("second") == "postgresql://u:p%40@h:1/second?sslmode=require"
