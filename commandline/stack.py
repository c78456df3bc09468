"""``up`` and ``demo``: the whole stack on this machine."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from commandline.failures import CannotError


@contextmanager
def _nothing_left() -> Iterator[None]:
    """Ends all processes and removes all directories of the stack, however the block ends. Raises CannotError."""
    from devstack import leftovers
    from devstack.postgres_install import PostgresUnavailableError
    from devstack.processes import ProcessFailedError
    from devstack.saga_client import SagaError

    try:
        yield
    except (PostgresUnavailableError, ProcessFailedError, SagaError) as error:
        raise CannotError(str(error)) from error
    except KeyboardInterrupt:
        raise CannotError("stopped") from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the rest of the shutdown is short and must not be interrupted
        leftovers.end()


@click.command(short_help="The whole stack on this machine, kept up until Ctrl-C.")
@click.option(
    "--state-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write how to reach everything to this file, as JSON, once all is ready.",
)
def up(state_file: Path | None) -> None:
    """Start PostgreSQL, Kafka, a Stripe simulator and the service, and keep them up until Ctrl-C.

    DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS, where given, are used instead of servers of our own.
    """
    from devstack.up import run_up

    with _nothing_left():
        run_up(state_file, lambda line: click.echo(line, err=True))


@click.command(short_help="Three payments from start to end, with nothing but Python.")
def demo() -> None:
    """Show three payments from start to end: released, reverted, and 3-D Secure finished by webhook.

    Starts PostgreSQL, Kafka, a Stripe simulator and the service, plays the saga that sends commands and waits for
    events, shows each payment's timeline, and stops everything. DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS, where
    given, are used instead of servers of our own.
    """
    from rich.console import Console

    from devstack.demo import run_demo

    with _nothing_left():
        run_demo(Console(highlight=False))
