"""The root of the command line, and the place of each command."""

import click

from commandline.failures import BadArgumentError
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


class _Root(LazyGroup):
    """Takes arguments in UTF-8 only: neither the database nor a terminal takes others."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for word in args:
            try:
                word.encode()
            except UnicodeEncodeError:
                shown = word.encode(errors="surrogateescape").decode(errors="backslashreplace")
                raise BadArgumentError(f"argument {shown} is not UTF-8") from None
        return super().parse_args(ctx, args)


@click.group(
    cls=_Root,
    where=WHERE,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(VERSION, message="%(prog)s %(version)s")
def cli() -> None:
    """Payments for saga orchestrators: commands in, one outcome event each, money moved once.

    New here? `python cli.py demo` shows three payments from start to end, with nothing but Python.

    Exit codes: 0 done, 1 could not, 2 usage or a bad setting.
    """
