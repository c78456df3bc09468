"""`db upgrade` refuses unfit databases and waits for other migrations; `doctor` and `db check` report both."""

import secrets
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from click.testing import CliRunner

from commandline.checks import Finding, check_database
from commandline.main import cli
from devstack.postgres import Postgres
from runtime.settings import ProcessSettings, load
from service.storage import migrate
from service.storage.migration_lock import KEY
from service.storage.readiness import DatabaseReadiness
from tests.integration.commandline.conftest import CommandLine
from tests.integration.relay.writers import Connection, execute

pytestmark = pytest.mark.postgres

ALEMBIC = (
    "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('{}')"
)
CATALOG = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"


def _said(url: str, *words: str) -> str:
    """The error line of a command that gives up."""
    result = CliRunner(env={"DATABASE_URL": url}).invoke(cli, words)
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def _looked(url: str, check: str) -> list[Finding]:
    return [each for each in check_database(load(ProcessSettings, database_url=url)) if each.check == check]


class TestAnotherProgramsTables:
    @pytest.mark.parametrize(
        ("theirs", "named"),
        [
            ("CREATE TABLE payments (id int)", "payments: "),
            ("CREATE TABLE outbox (id int); CREATE VIEW payments AS SELECT 1 AS one", "outbox, payments: "),
            (ALEMBIC.format("5f3abc12d9e0"), "alembic_version: "),
            (ALEMBIC.format("0042"), "alembic_version: "),
            (ALEMBIC.format("1975ea83b712") + "; CREATE TABLE payments (id int)", "alembic_version, payments: "),
        ],
    )
    def test_foreign_tables_are_named_and_nothing_is_changed(
        self, empty_database_url: str, theirs: str, named: str
    ) -> None:
        execute(empty_database_url, theirs)
        before = execute(empty_database_url, CATALOG)
        said = _said(empty_database_url, "db", "upgrade")
        assert said.startswith(named)
        assert "a database of its own" in said
        assert execute(empty_database_url, CATALOG) == before

    def test_foreign_revision_does_not_count_as_a_later_release(self, empty_database_url: str) -> None:
        execute(empty_database_url, ALEMBIC.format("5f3abc12d9e0"))
        fault = DatabaseReadiness(empty_database_url).fault()
        assert fault is not None
        assert fault.startswith("schema: ")

    def test_separate_schema_beside_foreign_tables_is_accepted(self, empty_database_url: str) -> None:
        execute(empty_database_url, f"CREATE TABLE payments (id int); {ALEMBIC.format('5f3abc12d9e0')}")
        before = execute(empty_database_url, CATALOG)
        url = f"{empty_database_url}?options=-csearch_path%3Dpay"
        assert "names no schema that exists" in _said(url, "db", "upgrade")
        execute(empty_database_url, "CREATE SCHEMA pay")
        CommandLine(url).run("db", "upgrade")
        assert DatabaseReadiness(url).fault() is None
        assert execute(empty_database_url, CATALOG) == before


class TestEncoding:
    @pytest.fixture
    def database(self, postgres_server: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
        name, encoding = f"test_{secrets.token_hex(6)}", request.param
        with closing(psycopg2.connect(postgres_server.url)) as session:
            session.autocommit = True
            session.cursor().execute(
                f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C' LOCALE_PROVIDER libc"
            )
        yield postgres_server.databases.url(name)
        postgres_server.databases.drop(name)

    @pytest.mark.parametrize("database", ["LATIN1", "SQL_ASCII"], indirect=True)
    def test_encoding_other_than_utf8_is_refused_everywhere(
        self, database: str, request: pytest.FixtureRequest
    ) -> None:
        encoding = request.node.callspec.params["database"]
        fault = f"the database is in {encoding}"
        assert _said(database, "db", "upgrade").startswith(fault)
        assert execute(database, CATALOG) == []
        assert (DatabaseReadiness(database).fault() or "").startswith(f"database: {fault}")
        [finding] = _looked(database, "encoding")
        assert (finding.ok, finding.detail.startswith(fault)) == (False, True)
        assert "ENCODING 'UTF8' TEMPLATE template0" in (finding.mend or "")


class TestAnotherMigration:
    @pytest.fixture
    def holder(self, empty_database_url: str) -> Iterator[Connection]:
        with closing(psycopg2.connect(empty_database_url, application_name="somebody's migration")) as session:
            session.cursor().execute("SELECT pg_advisory_lock(%s)", (KEY,))
            yield session

    def test_blocked_migration_names_the_holder_and_gives_up(self, empty_database_url: str, holder: Connection) -> None:
        said = _said(empty_database_url, "db", "upgrade", "--wait", "0s")
        assert said.startswith("gave up after 0 s: ")
        assert f'pid {holder.info.backend_pid} "somebody\'s migration" from 127.0.0.1, connected since 2' in said
        assert execute(empty_database_url, CATALOG) == []

    def test_waiting_migration_names_the_holder_and_continues_after_it(
        self, empty_database_url: str, holder: Connection
    ) -> None:
        said: list[str] = []

        def end_it(line: str) -> None:
            said.append(line)
            holder.rollback()  # the lock of a session lasts longer than its transaction
            holder.close()

        migrate.upgrade(empty_database_url, patience_seconds=60, say=end_it)
        [line] = said
        assert line.startswith("waiting for another migration of this database, pid ")
        assert migrate.current(empty_database_url).at_head


class TestCollations:
    RISEN = "UPDATE pg_database SET datcollversion = '0' WHERE datname = current_database()"

    @pytest.fixture
    def migrated(self, empty_database_url: str) -> str:
        migrate.upgrade(empty_database_url)
        assert _looked(empty_database_url, "collation") == []
        return empty_database_url

    def test_indexes_of_the_service_do_not_depend_on_a_collation(self, migrated: str) -> None:
        execute(migrated, self.RISEN)
        [finding] = _looked(migrated, "collation")
        assert (finding.ok, finding.warning) == (True, True)
        assert "no data of the service is in its order, only alembic_version_pkc" in finding.detail
        checked = CommandLine(migrated).run("db", "check")
        assert checked.stderr.startswith("warning: the database's collation was version 0, and is 1 now; ")

    def test_index_with_an_outdated_collation_is_named_with_a_working_remedy(self, migrated: str) -> None:
        execute(migrated, "CREATE INDEX of_an_operator ON payments (description)")
        execute(migrated, self.RISEN)
        [finding] = _looked(migrated, "collation")
        assert "alembic_version_pkc, of_an_operator may miss rows" in finding.detail
        with closing(psycopg2.connect(migrated)) as session:
            session.autocommit = True
            for statement in (finding.mend or "").removeprefix("run: ").split("; ")[:3]:
                session.cursor().execute(statement)
        assert _looked(migrated, "collation") == []
