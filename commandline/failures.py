"""The failures of a command: one line on stderr and an exit code."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from runtime.printable import printable


class CannotError(click.ClickException):
    """The command could not do its work: exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(printable(self.format_message(), keep="\n"), file=file, err=True)


class BadArgumentError(CannotError):
    """An argument is no text: exit code 2, as for bad usage."""

    exit_code = 2


class BadSettingError(CannotError):
    """Settings are missing or wrong: exit code 2, as for bad usage. Each fault is one line that names its variable."""

    exit_code = 2


@contextmanager
def port_faults() -> Iterator[None]:
    """Turns a taken or forbidden port into one line. Raises CannotError."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
            raise
        raise CannotError(f"OPS_PORT: {error.strerror}") from error


@contextmanager
def database_faults() -> Iterator[None]:
    """Turns the database's errors into one line. Raises CannotError."""
    try:
        yield
    except database_errors() as error:
        raise CannotError(f"database: {reason_of(error)}") from error


def database_errors() -> tuple[type[Exception], ...]:
    """The database's errors, bare or wrapped by SQLAlchemy."""
    import psycopg2

    from service.storage.engine import SQLAlchemyError

    return SQLAlchemyError, psycopg2.Error


@contextmanager
def stripe_faults() -> Iterator[None]:
    """Turns an unanswered request to Stripe into one line. Raises CannotError."""
    from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError

    try:
        yield
    except (StripeBusyError, StripeRefusedError, StripeUnknownError) as error:
        raise CannotError(f"stripe: {error}; nothing is proved, run it again") from error


def reason_of(error: Exception) -> str:
    """The message of the server or the driver in one line, without the statement and its values."""
    from service.storage.availability import is_read_only
    from service.storage.requirements import READ_ONLY

    if is_read_only(error):
        return READ_ONLY
    origin = getattr(error, "orig", None)
    if getattr(origin, "pgcode", None) in {"42P01", "42703"}:  # undefined_table, undefined_column
        return "the schema is not the one this code expects; run: cli.py db upgrade"
    lines = str(origin or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def confirm(question: str, *, ask: bool) -> None:
    """Ask for confirmation. Raises CannotError for a no; end of input counts as no."""
    if not ask:
        return
    try:
        agreed = click.confirm(printable(question), err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise CannotError("nothing was done")
