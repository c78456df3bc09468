"""Classifies database errors: passing faults, outdated plans, and records that the database refuses for good."""

import psycopg2
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from runtime.database_hosts import is_refused_as_read_only
from service.domain.errors import Wait

_LOCK_NOT_AVAILABLE = "55P03"
_READ_ONLY = "25006"
"""read_only_sql_transaction: the server is a standby, or a primary that a failover has fenced."""

_STALE_PLANS = frozenset(
    {
        "0A000",  # feature_not_supported: our statements meet only "cached plan must not change result type"
        "26000",  # invalid_sql_statement_name: the session has forgotten its prepared statements
    }
)
_PASSING = frozenset(
    {
        _READ_ONLY,
        "25P03",  # idle_in_transaction_session_timeout: this process paused, and the server ended its session
        "25P04",  # transaction_timeout: the same cause
        "42P01",  # undefined_table: the schema is not migrated yet
        "42703",  # undefined_column: the schema is not migrated yet
        *_STALE_PLANS,
    }
)
"""Passing faults besides connection faults, time-outs and deadlocks (PostgreSQL documentation, "PostgreSQL Error
Codes")."""

_REFUSING_CLASSES = frozenset(
    {
        "21",  # cardinality violation
        "22",  # data exception
        "23",  # integrity constraint violation
        "44",  # with check option violation
        "54",  # program limit exceeded: a value too long for its index
        "P0",  # an exception that a trigger raises
    }
)
"""Classes of errors about the values of one record. Every other error concerns the database, its schema or this code,
and hits every record alike."""

_NOT_NULL_VIOLATION = "23502"
"""The exception in class 23: a column that this code does not know, or forgets, is missing in every record."""


def is_unavailable(error: BaseException) -> bool:
    """Whether the fault is passing: the same request may succeed later without a change.

    Takes the driver's errors, bare or wrapped by SQLAlchemy.
    """
    cause = _cause(error)
    if is_refused(cause):
        return False
    if isinstance(cause, psycopg2.OperationalError | psycopg2.InterfaceError | PoolTimeoutError):
        return True
    return isinstance(cause, psycopg2.Error) and cause.pgcode in _PASSING


def is_stale_plan(error: BaseException) -> bool:
    """Whether the statement was prepared under another schema. The server has executed nothing of it."""
    cause = _cause(error)
    return isinstance(cause, psycopg2.Error) and cause.pgcode in _STALE_PLANS


def is_read_only(error: BaseException) -> bool:
    """Whether the server accepts no writes. The transaction has done nothing, and all sessions with it are useless."""
    cause = _cause(error)
    return isinstance(cause, psycopg2.Error) and (cause.pgcode == _READ_ONLY or is_refused_as_read_only(cause))


def is_lock_wait(error: BaseException) -> bool:
    """Whether another transaction held a row lock for longer than the lock time-out."""
    cause = _cause(error)
    return isinstance(cause, psycopg2.Error) and cause.pgcode == _LOCK_NOT_AVAILABLE


def is_refused(error: BaseException) -> bool:
    """Whether the database refuses the values of this record, and will refuse them every time."""
    cause = _cause(error)
    if not isinstance(cause, psycopg2.Error) or cause.pgcode is None:
        return False
    return cause.pgcode[:2] in _REFUSING_CLASSES and cause.pgcode != _NOT_NULL_VIOLATION


def is_about_one_object(error: BaseException) -> bool:
    """Whether the fault lies with one object: its row is locked, or its values are refused. Others may be tried."""
    return is_lock_wait(error) or is_refused(error)


def described(error: BaseException) -> str:
    """SQLSTATE, table and constraint of the error: names of the schema only, never a row's values."""
    cause = _cause(error)
    if not isinstance(cause, psycopg2.Error):
        return type(cause).__name__
    place = [cause.diag.table_name, cause.diag.constraint_name or cause.diag.column_name]
    return " ".join(part for part in (type(cause).__name__, cause.pgcode, *place) if part)


def wait_of(error: BaseException) -> Wait:
    """The thing that work waits for after this error."""
    cause = _cause(error)
    if isinstance(cause, PoolTimeoutError):
        return Wait.CONNECTION
    if is_lock_wait(cause):
        return Wait.ROW
    if is_refused(cause):
        return Wait.REFUSED
    return Wait.DATABASE if isinstance(cause, psycopg2.Error) else Wait.OTHER


def _cause(error: BaseException) -> BaseException:
    wrapped = error.orig if isinstance(error, DBAPIError) else None
    return error if wrapped is None else wrapped
