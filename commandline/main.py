"""The root of the command line, and the place of each command."""

import click

from commandline.lazy import LazyGroup
from runtime.version import VERSION

WHERE = {
    "demo": "commandline.stack:demo",
    "up": "commandline.stack:up",
    "serve": "commandline.processes:serve",
    "consume": "commandline.processes:consume",
    "relay": "commandline.processes:relay",
    "db": "commandline.database:db",
    "payment": "commandline.payment:payment",
    "outbox": "commandline.outbox:outbox",
    "command": "commandline.command:command",
    "dead-letter": "commandline.dead_letter:dead_letter",
    "doctor": "commandline.doctor:doctor",
    "stripe-events": "commandline.stripe_events:stripe_events",
}


@click.group(
    cls=LazyGroup,
    where=WHERE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(VERSION, message="%(prog)s %(version)s")
def cli() -> None:
    """Payments for saga orchestrators: commands in, one outcome event each, money moved once.

    New here? `python cli.py demo` shows three payments from start to end, with nothing but Python.

    Exit codes: 0 done, 1 could not, 2 usage or a bad setting.
    """
