"""``dead-letter retry``, ``resend`` and ``discard``."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from commandline.acts import ActOptions, Objects, act_on, act_options, ask, grounds, several_options
from commandline.connection import database, reading
from commandline.environment import DatabaseCommand
from commandline.failures import CannotError
from commandline.options import span_options
from commandline.output import say

if TYPE_CHECKING:
    from service.domain.operator_acts import Grounds
    from service.storage.engine import Connection, Engine
    from service.storage.operator_session import Record

F = TypeVar("F", bound=Callable[..., Any])

_COLUMNS = ("id", "reason", "received_at", "from", "correlation_id", "detail")


def _many(command: F) -> F:
    """Ids, or a filter; and the options of an act."""
    reason = click.option("--reason", help="All open ones with this reason, such as NOT_JSON.")
    ids = click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
    return ids(reason(span_options(several_options()(command))))


@click.command(cls=DatabaseCommand, short_help="Put messages on their topic again, as they came.")
@_many
def retry(**asked: Any) -> None:
    """Put messages on their topic again as they came, after the fault was mended here or in the database.

    They go through the outbox and are read like any other. A command that was answered stays answered. By ids, or
    all open ones of a reason or a time.

    \b
    cli.py dead-letter retry 17 --because "release 1.4 reads it"
    """
    from service.usecases.operations.retries import retry_dead_letter

    _act("Send", "sent again", retry_dead_letter, **asked)


@click.command(cls=DatabaseCommand, short_help="Note that nothing is to be done about messages.")
@_many
def discard(**asked: Any) -> None:
    """Note that nothing is to be done about messages. They stay in the database; list --all shows them.

    By ids, or all open ones of a reason or a time.

    \b
    cli.py dead-letter discard --reason NOT_JSON --since 2h --because "a load test" --dry-run
    """
    from service.usecases.operations.retries import discard_dead_letter

    _act("Discard", "discarded", discard_dead_letter, **asked)


@click.command(cls=DatabaseCommand, short_help="Mend a message, and send that instead.")
@click.argument("id_", metavar="ID", type=int)
@click.option("--file", type=click.File("rb"), metavar="F", help="The mended message; - for stdin. Default: $EDITOR.")
@click.option("--force", is_flag=True, help="Send it even if it is still no command.")
@act_options("--reason")
def resend(id_: int, *, file: Any, force: bool, because: str, operator: str, yes: bool) -> None:
    """Mend a message in $EDITOR, or take a mended one from a file, and send that in its place.

    The consumer's own reader checks it first, and says what is still wrong. The dead letter keeps what came. A
    command that was answered INVALID_PAYLOAD needs a new correlation id, for its first one is answered.

    \b
    cli.py dead-letter show 17 --json | jq -r .value > mended.json
    cli.py dead-letter resend 17 --file mended.json --because "amount was a string, ticket 81"
    """
    from service.usecases.operations.letters import name_of, still_wrong
    from service.usecases.operations.retries import resend_dead_letter

    why = grounds(operator, because)
    with reading() as connection:
        letter = _one(connection, id_)
    value = file.read() if file is not None else _edited(letter)
    with reading() as connection:
        fault = still_wrong(connection, value)
    if fault is not None:
        say(f"still wrong: {fault}", err=True)
        if not force:
            raise CannotError("nothing was done; mend it, or send it as it is with --force")
    ask("Resend mended", "dead letters", [name_of(letter)], yes=yes)
    with database() as engine:
        resend_dead_letter(engine, id_, value, why)
    say(f"{id_} sent mended")


def _edited(letter: "Record") -> bytes:
    """The value as the operator left it in the editor. Raises CannotError where it is no text, or was not saved."""
    try:
        text = bytes(letter["value"] or b"").decode()
    except UnicodeDecodeError:
        raise CannotError(f"dead letter {letter['id']} is no text; give the mended message with --file") from None
    edited = click.edit(text, extension=".json")
    if edited is None:
        raise CannotError("nothing was done: the editor saved nothing")
    return edited.removesuffix("\n").encode()


def _act(
    verb: str,
    done: str,
    act: "Callable[[Engine, int, Grounds], None]",
    *,
    ids: Sequence[int],
    reason: str | None,
    since: datetime | None,
    until: datetime | None,
    options: ActOptions,
) -> None:
    from service.usecases.operations.letters import described, name_of

    why = options.grounds

    def one(engine: "Engine", letter: "Record") -> str:
        act(engine, letter["id"], why)
        return done

    kind = Objects("dead letters", _COLUMNS, name_of, lambda letter: str(letter["id"]), described)
    act_on(_chosen(ids, reason, since, until), kind, verb, one, options)


def _chosen(ids: Sequence[int], reason: str | None, since: datetime | None, until: datetime | None) -> "list[Record]":
    from service.storage.operator_reads import Span, list_dead_letters

    if bool(ids) == bool(reason or since or until):
        raise click.UsageError("say which: IDs, or --reason, --since, --until; not both")
    with reading() as connection:
        if ids:
            return [_one(connection, id_) for id_ in dict.fromkeys(ids)]
        return list_dead_letters(connection, states=["open"], reason=reason, span=Span(since, until), limit=None)


def _one(connection: "Connection", id_: int) -> "Record":
    from service.storage.operator_reads import dead_letter

    found = dead_letter(connection, id_)
    if found is None:
        raise CannotError(f"no dead letter {id_}")
    return found
