"""A database connection for the duration of one command."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from commandline.environment import database_url
from commandline.failures import CannotError, database_faults
from commandline.stderr_log import log_to_stderr

if TYPE_CHECKING:
    from service.storage.engine import Connection, Engine


@contextmanager
def database() -> Iterator["Engine"]:
    """The database of DATABASE_URL. Raises CannotError for database errors in the block, BadSettingError."""
    from service.storage.engine import make_engine
    from service.usecases.operations.errors import OperatorError

    log_to_stderr("cli")
    with database_faults():
        engine = make_engine(database_url(), pool_size=1)
        try:
            yield engine
        except OperatorError as error:
            raise CannotError(str(error)) from error
        finally:
            engine.dispose()


@contextmanager
def reading() -> Iterator["Connection"]:
    """One snapshot of the database."""
    from service.storage.operator_session import reading as snapshot

    with database() as engine, snapshot(engine) as connection:
        yield connection
