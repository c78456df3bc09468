"""DATABASE_URL with several hosts, one of them unavailable or read-only, for each part that opens a connection."""

from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from commandline.main import cli
from devstack.ports import free_port
from relay.postgres import connect, error_line
from service.storage.engine import connect_for_migration, in_transaction, make_engine
from service.storage.readiness import DatabaseReadiness
from tests.integration.relay.writers import execute

pytestmark = pytest.mark.postgres

Name = Callable[[str], object]


def _of_engine(url: str) -> object:
    engine = make_engine(url, 1)
    try:
        return in_transaction(engine, lambda connection: connection.execute(text("SELECT 1")).scalar_one())
    finally:
        engine.dispose()


def _of_migration(url: str) -> object:
    with connect_for_migration(url) as connection:
        return connection.execute(text("SELECT 1")).scalar_one()


def _of_relay(url: str) -> object:
    with closing(connect(url, "test")) as session, session.cursor() as cursor:
        cursor.execute("SELECT 1")
        return (cursor.fetchone() or (None,))[0]


def _of_command(url: str) -> object:
    return 1 - CliRunner(env={"DATABASE_URL": url}).invoke(cli, ["db", "check"]).exit_code


@pytest.fixture
def several_hosts(database_url: str) -> str:
    """A URL with several hosts, the first of which is unavailable."""
    credentials, _, place = database_url.rpartition("@")
    return f"{credentials}@127.0.0.1:{free_port()},{place}?target_session_attrs=read-write"


@pytest.fixture
def read_only_url(several_hosts: str, database_url: str) -> Iterator[str]:
    """The URL of a fenced server, which reports to each new session that it is read-only."""
    name = database_url.rpartition("/")[2]
    execute(database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    yield several_hosts
    with closing(psycopg2.connect(database_url, options="-c default_transaction_read_only=off")) as session:
        session.autocommit = True
        session.cursor().execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


@pytest.mark.parametrize("ask", [_of_engine, _of_migration, _of_relay, _of_command])
def test_unavailable_host_is_skipped(several_hosts: str, ask: Name) -> None:
    try:
        found = ask(several_hosts)
    except (psycopg2.Error, SQLAlchemyError) as error:
        pytest.fail(f"only one host was tried: {error}")
    assert found == 1


def test_readiness_reports_that_only_a_read_only_server_is_available(read_only_url: str, database_url: str) -> None:
    for url in (read_only_url, database_url):
        fault = DatabaseReadiness(url).fault()
        assert fault is not None
        assert fault.startswith("database: read-only: ")


@pytest.mark.usefixtures("quiet")
def test_commands_and_relay_report_a_read_only_server(read_only_url: str) -> None:
    result = CliRunner(env={"DATABASE_URL": read_only_url}).invoke(cli, ["outbox", "stats"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "database: read-only: " in result.stderr
    with pytest.raises(psycopg2.OperationalError) as caught:
        connect(read_only_url, "test")
    assert error_line(caught.value).startswith("read-only: ")


def test_reads_work_while_a_single_server_is_read_only(read_only_url: str, database_url: str) -> None:
    assert _of_engine(database_url) == 1


def test_connections_use_utf8_despite_another_default_encoding(database_url: str) -> None:
    name = database_url.rpartition("/")[2]
    execute(database_url, f"ALTER DATABASE {name} SET client_encoding = 'LATIN1'")
    engine = make_engine(database_url, 1)
    with engine.connect() as connection, closing(connect(database_url, "test")) as session:
        assert connection.execute(text("SELECT chr(8364)")).scalar_one() == "€"
        cursor = session.cursor()
        cursor.execute("SELECT chr(8364)")
        assert cursor.fetchone() == ("€",)
    engine.dispose()


def test_a_url_may_name_a_schema(database_url: str) -> None:
    engine = make_engine(f"{database_url}?options=-csearch_path%3Dpay", 1)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW search_path")).scalar_one() == "pay"
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "8s"
    engine.dispose()
