"""``serve``, ``consume`` and ``relay``: one process each. SIGTERM drains it, SIGHUP has it read its secrets again."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

import click

from commandline.environment import SettingsCommand, load_settings, setting_faults
from commandline.failures import port_faults

if TYPE_CHECKING:
    from runtime.current import Current
    from runtime.settings import ProcessSettings
    from runtime.shutdown import Shutdown
    from runtime.trace_export import Export

S = TypeVar("S", bound="ProcessSettings")


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

    SIGTERM drains: requests under way are answered, within SHUTDOWN_GRACE. SIGHUP reads secrets in files again.
    """
    from service.settings import ServiceSettings

    current = _current(ServiceSettings, host=host, port=port, workers=workers)
    from service.server import serve as serve_http

    with setting_faults():
        code = serve_http(current)
    sys.exit(code)


@click.command(
    cls=SettingsCommand,
    settings="consumer.settings:ConsumerSettings",
    short_help="Read commands from Kafka and carry them out.",
)
def consume() -> None:
    """Read commands from Kafka, act at Stripe, record what happened.

    SIGTERM drains: commands under way are finished or left for another consumer, within SHUTDOWN_GRACE. SIGHUP reads
    secrets in files again.
    """
    from consumer.settings import ConsumerSettings

    current = _current(ConsumerSettings)
    from consumer.main import run
    from service.usecases.durability import Durable
    from service.wiring import command_engine, show_database_metrics

    shutdown = _begin("consumer", current)
    show_database_metrics(current)
    with setting_faults(), port_faults(), _traces("consumer"), command_engine(current) as (commands, database_fault):
        code = run(current, Durable(commands), shutdown, database_fault)
    sys.exit(code)


@click.command(
    cls=SettingsCommand,
    settings="relay.settings:RelaySettings",
    short_help="Publish the outbox to Kafka, exactly once.",
)
def relay() -> None:
    """Publish the outbox to Kafka, exactly once, in commit order per payment.

    Several may run: one works, the others stand by. SIGTERM drains, within SHUTDOWN_GRACE. SIGHUP reads secrets in
    files again.
    """
    from relay.settings import RelaySettings

    current = _current(RelaySettings)
    from relay.main import run

    shutdown = _begin("relay", current)
    with setting_faults(), port_faults(), _traces("relay"):
        code = run(current, shutdown)
    sys.exit(code)


def _traces(process: str) -> "closing[Export]":
    from runtime import trace_export

    return closing(trace_export.begin(process))


def _current(kind: type[S], **given: Any) -> "Current[S]":
    """The settings, which SIGHUP reads again; ``given`` (options) goes over the environment. Raises BadSettingError."""
    settings = load_settings(kind, **given)
    from runtime.current import Current
    from runtime.settings import load

    return Current(settings, lambda: load(kind, **given))


def _begin(process: str, current: "Current[Any]") -> "Shutdown":
    """Set up log and signals; from here on SIGTERM drains, and SIGHUP renews secrets."""
    from runtime import logs
    from runtime.shutdown import Shutdown

    settings: ProcessSettings = current()
    logs.configure(settings.log_level, settings.log_format, process)
    logs.log_uncaught()
    current.renew_on_hup()
    shutdown = Shutdown()
    shutdown.install()
    return shutdown
