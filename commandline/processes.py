"""``serve``, ``consume`` and ``relay``: one process each, which SIGTERM drains."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from commandline.environment import SettingsCommand, load_settings, setting_faults
from commandline.failures import port_faults

if TYPE_CHECKING:
    from runtime.settings import ProcessSettings
    from runtime.shutdown import Shutdown
    from runtime.trace_export import Export


@click.command(
    cls=SettingsCommand,
    settings="service.settings:ServiceSettings",
    short_help="Serve HTTP: status, history, release, revert, webhooks.",
)
@click.option("--host", help="Address to listen on; over HOST.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; over PORT.")
@click.option("--workers", type=click.IntRange(1, 64), help="Server processes; over WORKERS.")
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve HTTP: status, history, release and revert, and Stripe's webhooks.

    SIGTERM drains: requests under way are answered, within SHUTDOWN_GRACE.
    """
    from service.settings import ServiceSettings

    settings = load_settings(ServiceSettings, host=host, port=port, workers=workers)
    from service.server import serve as serve_http

    with setting_faults():
        code = serve_http(settings)
    sys.exit(code)


@click.command(
    cls=SettingsCommand,
    settings="consumer.settings:ConsumerSettings",
    short_help="Read commands from Kafka and carry them out.",
)
def consume() -> None:
    """Read commands from Kafka, act at Stripe, record what happened.

    SIGTERM drains: commands under way are finished or left for another consumer, within SHUTDOWN_GRACE.
    """
    from consumer.settings import ConsumerSettings

    settings = load_settings(ConsumerSettings)
    from consumer.main import run
    from service.usecases.durability import Durable
    from service.wiring import command_engine

    shutdown = _begin("consumer", settings)
    with setting_faults(), port_faults(), _traces("consumer"), command_engine(settings) as (commands, database_fault):
        code = run(settings, Durable(commands), shutdown, database_fault)
    sys.exit(code)


@click.command(
    cls=SettingsCommand,
    settings="relay.settings:RelaySettings",
    short_help="Publish the outbox to Kafka, exactly once.",
)
def relay() -> None:
    """Publish the outbox to Kafka, exactly once, in commit order per payment.

    Several may run: one works, the others stand by. SIGTERM drains, within SHUTDOWN_GRACE.
    """
    from relay.settings import RelaySettings

    settings = load_settings(RelaySettings)
    from relay.main import run

    shutdown = _begin("relay", settings)
    with setting_faults(), port_faults(), _traces("relay"):
        code = run(settings, shutdown)
    sys.exit(code)


def _traces(process: str) -> "closing[Export]":
    from runtime import trace_export

    return closing(trace_export.begin(process))


def _begin(process: str, settings: "ProcessSettings") -> "Shutdown":
    """Set up log and signals; from here on SIGTERM drains."""
    from runtime import logs
    from runtime.shutdown import Shutdown

    logs.configure(settings.log_level, settings.log_format, process)
    logs.log_uncaught()
    shutdown = Shutdown()
    shutdown.install()
    return shutdown
