"""An operator's acts on one or several objects: their options, the question before them, and their results."""

import getpass
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from commandline.batch import Batch, Id, Skipped
from commandline.connection import database
from commandline.failures import confirm
from commandline.options import gathered, json_option
from commandline.output import say, show_list

if TYPE_CHECKING:
    from service.domain.operator_acts import Grounds
    from service.storage.engine import Engine
    from service.storage.operator_session import Record

F = TypeVar("F", bound=Callable[..., Any])

NAMED_AT_MOST = 10
"""Number of objects that a question names."""


def act_options(*names: str, required: bool = True) -> Callable[[F], F]:
    """The options of every act: ``--because`` (and these names for it), ``--operator`` and ``--yes``.

    Without ``required`` a dry run needs no reason; ``grounds`` asks for one.
    """

    def add(command: F) -> F:
        asking = click.option("--yes", is_flag=True, help="Do not ask.")
        return grounds_options(*names, required=required)(asking(command))

    return add


def grounds_options(*names: str, required: bool, default: str | None = None) -> Callable[[F], F]:
    """``--because`` (and these names for it) and ``--operator``."""

    def add(command: F) -> F:
        said = "" if default is None else f" Default: {default}."
        help_ = f"Why; kept with the act. 1 to 1000 characters.{said}"
        for option in (
            click.option("--operator", default=_operator, help="Who acts; default: USER@HOST.", show_default=False),
            click.option(
                "--because", *names, "because", required=required, default=default, metavar="TEXT", help=help_
            ),
        ):
            command = option(command)
        return command

    return add


def dry_run_option(command: F) -> F:
    """``--dry-run``."""
    return click.option("--dry-run", is_flag=True, help="Say on what it would be done, and do nothing.")(command)


class ActOptions(NamedTuple):
    """The options of an act on several objects."""

    dry_run: bool
    because: str
    operator: str
    yes: bool
    as_json: bool

    @property
    def grounds(self) -> "Grounds":
        """Who acts, and why. Raises click.UsageError for unstorable values."""
        return grounds(self.operator, self.because)


def several_options(*names: str) -> Callable[[F], F]:
    """``--dry-run``, the options of every act, and ``--json``, as one argument ``options`` of type ActOptions."""

    def add(command: F) -> F:
        command = gathered(command, "options", ActOptions._fields, ActOptions)
        return dry_run_option(act_options(*names)(json_option(command)))

    return add


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no such user in the container's passwd
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def grounds(operator: str, because: str | None) -> "Grounds":
    """The operator and the reason of an act on the command line. Raises click.UsageError for unstorable values."""
    from service.domain.operator_acts import Channel, Grounds

    if because is None:
        raise click.UsageError("say why: --reason TEXT")
    try:
        return Grounds(operator, Channel.CLI, because.strip())
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def ask(verb: str, things: str, names: Sequence[str], *, yes: bool, more: int = 0) -> None:
    """Asks whether to act on these, each by its name, and on ``more``. Raises CannotError for a no."""
    if len(names) + more == 1:
        confirm(f"{verb} {things.removesuffix('s')} {names[0]}?", ask=not yes)
        return
    for name in names if not yes else ():
        say(f"  {name}", err=True)
    if more and not yes:
        say(f"  and {more} more", err=True)
    confirm(f"{verb} these {len(names) + more} {things}?", ask=not yes)


class Objects(NamedTuple):
    """One kind of objects for acts: its plural, the columns of its list, an object's name in questions, and its id."""

    plural: str
    columns: tuple[str, ...]
    name: "Callable[[Record], str]"
    id_of: "Callable[[Record], Id]"


def act_on(
    found: "Sequence[Record]",
    kind: Objects,
    verb: str,
    act: "Callable[[Engine, Record], str | Skipped]",
    options: ActOptions,
    again: str | None = None,
) -> None:
    """Ask, and act on each object; a dry run only lists them. Raises CannotError for a no and for failed acts.

    ``again``: the command that goes on after an interruption; None: the same one.
    """
    if options.dry_run or not found:
        show_list(found, kind.columns, limit=len(found), as_json=options.as_json)
        return
    names = [kind.name(each) for each in found[:NAMED_AT_MOST]]
    ask(verb, kind.plural, names, yes=options.yes, more=len(found) - len(names))
    if again is not None and len(found) > 1:
        say(f"if it is interrupted: {again}", err=True)
    with database() as engine:
        Batch(verb.lower(), again).run(found, kind.id_of, lambda each: act(engine, each), as_json=options.as_json)
