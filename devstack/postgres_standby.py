"""A streaming standby of an embedded server, for failovers."""

import time
from contextlib import closing
from urllib.parse import urlsplit

import psycopg2

from devstack.ports import free_port
from devstack.postgres_embedded import EmbeddedPostgres
from devstack.processes import run_to_end

_LOOK_EVERY = 0.02


class StandbyPostgres(EmbeddedPostgres):
    """A copy of a running primary that follows it (PostgreSQL documentation, "Log-Shipping Standby Servers")."""

    def __init__(self, primary: EmbeddedPostgres) -> None:
        """Raises PostgresUnavailableError, ProcessFailedError."""
        self._primary = primary
        super().__init__({"wal_retrieve_retry_interval": "100ms"})
        self.port = free_port("127.0.0.1")
        """Known before the start, for a URL that names both servers."""

    def url_with_primary(self, name: str) -> str:
        """The URL of a database on both servers, this one first: sessions go to the server that accepts writes."""
        credentials, _, place = self._primary.databases.url(name).rpartition("@")
        return f"{credentials}@127.0.0.1:{self.port},{place}?target_session_attrs=read-write"

    def fence_and_promote(self) -> None:
        """Promote this server after it has all commits of the primary, and make the primary read-only.

        The primary keeps running with all its sessions, whose new transactions are read-only. Earlier transactions may
        still write, so this waits for their ends.
        """
        for statement in ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"):
            _ask(self._primary.url, statement)
        _wait_for(self._primary.url, "SHOW default_transaction_read_only", "on")
        since = _ask(self._primary.url, "SELECT clock_timestamp()::text")
        begun_before = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
            f"AND pid <> pg_backend_pid() AND xact_start <= '{since}'"
        )
        _wait_for(self._primary.url, begun_before, 0)
        written = _ask(self._primary.url, "SELECT pg_current_wal_insert_lsn()::text")
        _wait_for(self.url, f"SELECT pg_last_wal_replay_lsn() >= '{written}'", True)
        _ask(self.url, "SELECT pg_promote()")

    def follow_synchronously(self) -> None:
        """From now on the primary confirms a commit only when this server has it, too."""
        for statement in ("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"):
            _ask(self._primary.url, statement)
        _wait_for(self._primary.url, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", 1)

    def kill_primary_and_promote(self) -> None:
        """kill -9 of the primary for good, and promotion of this server with the data that it has."""
        self._primary.kill()
        _ask(self.url, "SELECT pg_promote()")

    def _initialize(self) -> None:
        self._password = urlsplit(self._primary.url).password or ""
        words = ("--pgdata", "data", "--write-recovery-conf", "--checkpoint", "fast", "--no-sync")
        run_to_end(self._command("pg_basebackup", "--dbname", self._primary.url, *words), 60)


def _ask(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url, connect_timeout=10)) as session, session.cursor() as cursor:
        session.autocommit = True
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return None if row is None else row[0]


def _wait_for(url: str, question: str, answer: object) -> None:
    while _ask(url, question) != answer:
        time.sleep(_LOOK_EVERY)
