"""Databases on one PostgreSQL server, embedded or given."""

from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

_BY_FILES = " STRATEGY file_copy"
"""Copying files takes a tenth of the time of the default, which writes every page to the log. PostgreSQL 15 introduced
the choice, and older versions always copy files (PostgreSQL documentation, "CREATE DATABASE")."""


class Databases:
    """Creates and drops databases through one administrative connection URL."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url

    def url(self, name: str) -> str:
        """The URL of a database on this server, for the same user."""
        return urlunsplit(urlsplit(self._admin_url)._replace(path=f"/{name}"))

    def version(self) -> str:
        """The server's version, such as 18.6."""
        connection = psycopg2.connect(self._admin_url, connect_timeout=10)
        try:
            return "{}.{}".format(*divmod(connection.server_version, 10000))
        finally:
            connection.close()

    def create(self, name: str, template: str | None = None) -> str:
        """Creates a database and returns its URL. No session may be connected to the template."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._execute(statement, _BY_FILES if template is not None else "")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drops a database after ending its sessions (DROP DATABASE ... WITH (FORCE), since PostgreSQL 13)."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed, since_15: str = "") -> None:
        connection = psycopg2.connect(self._admin_url, connect_timeout=10)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement + sql.SQL(since_15 if connection.server_version >= 150000 else ""))
        finally:
            connection.close()
