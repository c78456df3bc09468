"""How a command says that it could not: one line on stderr, and its exit code."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from runtime.printable import printable


class CannotError(click.ClickException):
    """What was asked for could not be done: exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(printable(self.format_message(), keep="\n"), file=file, err=True)


class BadSettingError(CannotError):
    """A setting is missing or wrong; one line a fault, each naming its variable: exit code 2, as for bad usage."""

    exit_code = 2


@contextmanager
def port_faults() -> Iterator[None]:
    """Turns a port that is taken, or not ours to take, into one line. Raises CannotError."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
            raise
        raise CannotError(f"OPS_PORT: {error.strerror}") from error


@contextmanager
def database_faults() -> Iterator[None]:
    """Turns the database's errors into one line. Raises CannotError."""
    import psycopg2

    from service.storage.engine import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, psycopg2.Error) as error:
        raise CannotError(f"database: {_reason(error)}") from error


@contextmanager
def stripe_faults() -> Iterator[None]:
    """Turns what Stripe does not answer into one line. Raises CannotError."""
    from service.domain.errors import StripeBusyError, StripeRefusedError, StripeUnknownError

    try:
        yield
    except (StripeBusyError, StripeRefusedError, StripeUnknownError) as error:
        raise CannotError(f"stripe: {error}; nothing is proved, run it again") from error


def _reason(error: Exception) -> str:
    """What the server or the driver said, in a line; the statement and its values say nothing to an operator."""
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
    """Raises CannotError for a no; end of input is a no."""
    if not ask:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise CannotError("nothing was done")
