"""A database with a history, and the command line on it."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg2
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from commandline.main import cli
from devstack.postgres import Postgres
from devstack.stripe_simulator.client import SimulatorControl
from service.storage.engine import make_engine, transaction
from tests.integration.commandline.auditing import Books, open_books
from tests.integration.commandline.history import History
from tests.support.emptying import BEGIN_ANEW


@dataclass(frozen=True)
class CommandLine:
    """``cli.py`` in this process, with one database."""

    database_url: str

    def run(self, *words: str, code: int = 0, answer: str | None = None) -> Result:
        """Run a command and check its exit code."""
        env = {"DATABASE_URL": self.database_url, "COLUMNS": "200"}
        result = CliRunner(env=env).invoke(cli, words, input=answer, prog_name="cli.py")
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        return result

    def json(self, *words: str) -> Any:
        """The JSON output of a command."""
        return json.loads(self.run(*words, "--json").stdout)


@pytest.fixture(scope="session")
def shared_database_url(postgres_server: Postgres, migrated_template: str) -> Iterator[str]:
    """One database for all of these tests, because emptying one is faster than creating one."""
    name = f"commandline_{secrets.token_hex(6)}"
    yield postgres_server.databases.create(name, template=migrated_template)
    postgres_server.databases.drop(name)


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    """The shared database, emptied, with positions that begin at 1 again."""
    engine = make_engine(shared_database_url, pool_size=1)
    with transaction(engine) as connection:
        connection.execute(text(BEGIN_ANEW))
    engine.dispose()
    return shared_database_url


@pytest.fixture
def reader(database_url: str) -> Iterator[str]:
    """The URL of a role that reads every table and writes none."""
    role = f"reader_{urlsplit(database_url).path[1:]}"
    with psycopg2.connect(database_url) as session, session.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    session.close()
    parts = urlsplit(database_url)
    yield parts._replace(netloc=f"{role}:reader@{parts.netloc.rpartition('@')[2]}").geturl()
    with psycopg2.connect(database_url) as session, session.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    session.close()


@pytest.fixture
def commandline(database_url: str) -> CommandLine:
    return CommandLine(database_url)


@pytest.fixture
def history(database_url: str) -> Iterator[History]:
    engine = make_engine(database_url, pool_size=2)
    yield History(engine)
    engine.dispose()


@pytest.fixture
def books(database_url: str, simulator: SimulatorControl) -> Iterator[Books]:
    """The books of a core and of its simulated Stripe."""
    with open_books(database_url, simulator) as found:
        yield found


@pytest.fixture
def paid(books: Books) -> UUID:
    """A released payment, whose webhooks are all delivered."""
    payment = books.core.authorize()
    books.core.release(payment)
    books.core.hear()
    return payment


@pytest.fixture(autouse=True)
def commands_of_this_process(quiet: None) -> None:
    """Every test here runs its commands in this process."""
