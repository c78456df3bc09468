"""Secrets in files, and PostgreSQL's roles, that a test exchanges while processes run."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql


class SecretFiles:
    """Mounted secrets: ``environment`` names the files and removes the variables themselves."""

    def __init__(self, directory: Path, **values: str) -> None:
        self._directory = directory
        self.environment = dict.fromkeys(values, "") | {f"{name}_FILE": str(directory / name) for name in values}
        self.write(**values)

    def write(self, **values: str) -> None:
        """Replace the contents of some files."""
        for name, value in values.items():
            (self._directory / name).write_text(value)


class Roles:
    """Two superusers of the run's server. A rotation of the database password replaces one by the other."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self.old, self.new = (f"{name}_{secrets.token_hex(4)}" for name in ("old", "new"))
        for role in (self.old, self.new):
            self._run("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}", sql.Identifier(role), sql.Literal(role))

    def url(self, role: str) -> str:
        """The database's URL for a role."""
        parts = urlsplit(self._url)
        return parts._replace(netloc=f"{role}:{role}@{parts.netloc.rpartition('@')[2]}").geturl()

    def lock_out(self, role: str) -> None:
        """Take a role's right to log in away. Its sessions go on."""
        self._run("ALTER ROLE {} NOLOGIN", sql.Identifier(role))

    def let_in(self, role: str) -> None:
        """Give the right back."""
        self._run("ALTER ROLE {} LOGIN", sql.Identifier(role))

    def old_is_gone(self) -> bool:
        """Whether no session of the old role is left, and some of the new one are there."""
        connection = psycopg2.connect(self._url)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT usename FROM pg_stat_activity WHERE usename = ANY (%s)", ([self.old, self.new],))
                return {role for (role,) in cursor} == {self.new}
        finally:
            connection.close()

    def close(self) -> None:
        """Drop both."""
        for role in (self.old, self.new):
            self._run("DROP ROLE {}", sql.Identifier(role))

    def _run(self, statement: str, *parts: sql.Composable) -> None:
        connection = psycopg2.connect(self._url)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*parts))
        finally:
            connection.close()


@contextmanager
def roles_of(database_url: str) -> Iterator[Roles]:
    """The roles, dropped in the end."""
    roles = Roles(database_url)
    try:
        yield roles
    finally:
        roles.close()
