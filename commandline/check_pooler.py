"""``doctor``: a pooler between us and PostgreSQL: does it keep a session for its client, and the session's settings?"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from commandline.checks import Finding

if TYPE_CHECKING:
    from runtime.settings import ProcessSettings

_SESSIONS = 4
_KEEP_SESSIONS = (
    "point DATABASE_URL to PostgreSQL itself, or let the pooler pool sessions (PgBouncer: pool_mode=session): locks, "
    "LISTEN and prepared statements belong to a session"
)
_KEEP_SETTINGS = (
    "point DATABASE_URL to PostgreSQL itself, or give the role what is lost: ALTER ROLE … SET "
    "statement_timeout = '10s', lock_timeout = '2s', idle_in_transaction_session_timeout = '15s', timezone = 'UTC'"
)


def check_pooler(settings: "ProcessSettings") -> Iterator[Finding]:
    """Sessions that are open at once are the same process of the server: a pooler lends it by the transaction.

    PgBouncer lends the one that was given back last (PgBouncer documentation, "server_round_robin"), so a handful of
    sessions shows it. It drops a session's settings where its own settings say so
    (``ignore_startup_parameters=options``). The check of the database reports a server that cannot be reached.
    """
    import psycopg2

    from service.storage.engine import SQLAlchemyError

    url = settings.database_url.get_secret_value()
    try:
        pids = _pids(url)
        if len(set(pids)) < len(pids):
            yield Finding(
                "pooler", "a pooler between here and PostgreSQL lends sessions by transaction", _KEEP_SESSIONS
            )
        if not _are_limited(url):
            detail = "the settings of a session do not reach PostgreSQL: a stuck statement is not ended"
            yield Finding("pooler", detail, _KEEP_SETTINGS, warning=True)
    except (psycopg2.Error, SQLAlchemyError):
        return


def _pids(url: str) -> list[int]:
    """The server's processes behind sessions that are open at the same time."""
    from relay.postgres import connect

    pids = []
    with ExitStack() as stack:
        for _ in range(_SESSIONS):
            session = connect(url, "doctor")
            stack.callback(session.close)
            with session.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids += [int(row[0]) for row in cursor.fetchall()]
    return pids


def _are_limited(url: str) -> bool:
    """Whether the service's sessions have their time-outs."""
    from service.storage.engine import make_engine
    from service.storage.operator_health import statements_are_limited

    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            return statements_are_limited(connection)
    finally:
        engine.dispose()
