"""``dead-letter retry``, ``resend`` and ``discard``."""

import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from commandline.acts import NAMED_AT_MOST, ActOptions, Objects, act_on, act_options, ask, grounds, several_options
from commandline.batch import Batch
from commandline.connection import database, reading
from commandline.environment import DatabaseCommand
from commandline.failures import CannotError
from commandline.options import json_option, span_options
from commandline.output import say

if TYPE_CHECKING:
    from service.domain.operator_acts import Grounds
    from service.storage.engine import Connection, Engine
    from service.storage.operator_reads import Span
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
@click.option("--force", is_flag=True, help="Send also a command on a payment that does not exist.")
def retry(*, force: bool, **asked: Any) -> None:
    """Put messages on their topic again as they came, after the fault was mended here or in the database.

    They go through the outbox and are read like any other. A command that was answered stays answered. By ids, or
    all open ones of a reason or a time, the oldest first. A release or revert is left open until its payment exists:
    once its authorize is accepted, the same command sends it.

    \b
    cli.py dead-letter retry 17 --because "release 1.4 reads it"
    """
    from service.usecases.operations.retries import retry_dead_letter

    more = ("--force",) if force else ()
    _act("retry", "sent again", partial(retry_dead_letter, force=force), more, **asked)


@click.command(cls=DatabaseCommand, short_help="Note that nothing is to be done about messages.")
@_many
def discard(**asked: Any) -> None:
    """Note that nothing is to be done about messages. They stay in the database; list --all shows them.

    By ids, or all open ones of a reason or a time.

    \b
    cli.py dead-letter discard --reason NOT_JSON --since 2h --because "a load test" --dry-run
    """
    from service.usecases.operations.retries import discard_dead_letter

    _act("discard", "discarded", discard_dead_letter, (), **asked)


@click.command(cls=DatabaseCommand, short_help="Mend a message, and send that instead.")
@click.argument("id_", metavar="ID", type=int)
@click.option(
    "--file",
    type=click.File("rb", lazy=True),
    metavar="F",
    help="The mended message; - for stdin, with --yes. Default: $EDITOR.",
)
@click.option("--force", is_flag=True, help="Send it even if it is still no command, or its payment does not exist.")
@act_options("--reason")
@json_option
def resend(id_: int, *, file: Any, force: bool, because: str, operator: str, yes: bool, as_json: bool) -> None:
    """Mend a message in $EDITOR, or take a mended one from a file, and send that in its place.

    The consumer's own reader checks it first, and says what is still wrong. The dead letter keeps what came. A
    command that was answered INVALID_PAYLOAD needs a new correlation id, for its first one is answered.

    \b
    cli.py dead-letter show 17 --json | jq -r .value > mended.json
    cli.py dead-letter resend 17 --file mended.json --because "amount was a string, ticket 81"
    """
    from service.usecases.operations.letters import described, name_of, still_wrong
    from service.usecases.operations.retries import resend_dead_letter

    if file is not None and file.name == "-" and not yes:
        raise click.UsageError("the message comes from stdin, which can't answer the question, too: add --yes")
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
    ask("Resend mended", "dead letters", [name_of(described(letter))], yes=yes)

    def send(each: int) -> str:
        resend_dead_letter(engine, each, value, why, force=force)
        return "sent mended"

    with database() as engine:
        Batch("resend").run([id_], int, send, as_json=as_json)


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
    name: str,
    done: str,
    act: "Callable[[Engine, int, Grounds], None]",
    more: Sequence[str],
    *,
    ids: Sequence[int],
    reason: str | None,
    since: datetime | None,
    until: datetime | None,
    options: ActOptions,
) -> None:
    from service.storage.operator_overview import clock
    from service.storage.operator_reads import Span
    from service.usecases.operations.letters import described_in_brief, name_of

    if bool(ids) == bool(reason or since or until):
        raise click.UsageError("say which: IDs, or --reason, --since, --until; not both")
    why = options.grounds

    def one(engine: "Engine", letter: "Record") -> str:
        act(engine, letter["id"], why)
        return done

    with reading() as connection:
        # What is sent now and refused again becomes a dead letter after this time: the next run leaves it alone.
        span = Span(since, min(filter(None, (until, clock(connection)))))
        found = _chosen(connection, ids, reason, span)
        described = described_in_brief(connection, found if options.dry_run else found[:NAMED_AT_MOST])
        found = [*described, *([] if options.dry_run else found[NAMED_AT_MOST:])]
    kind = Objects("dead letters", _COLUMNS, name_of, lambda letter: int(letter["id"]))
    again = None if ids else _command(name, reason, span, options.because, more)
    act_on(found, kind, name.capitalize(), one, options, again)


def _command(name: str, reason: str | None, span: "Span", because: str, more: Sequence[str]) -> str:
    """The same act on the same dead letters, those that are done left out, as a shell reads it."""
    values = {
        "--reason": reason,
        "--since": _written(span.since),
        "--until": _written(span.until),
        "--because": because,
    }
    words = [word for option, value in values.items() if value is not None for word in (option, value)]
    return shlex.join(["cli.py", "dead-letter", name, *words, *more])


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _chosen(connection: "Connection", ids: Sequence[int], reason: str | None, span: "Span") -> "list[Record]":
    """The dead letters, oldest first: a command of a saga must not come before those that preceded it."""
    from service.storage.operator_reads import letters_in_brief

    found = letters_in_brief(connection, ids=ids, reason=reason, span=span)
    unknown = {*ids} - {letter["id"] for letter in found} if ids else ()
    if unknown:
        raise CannotError(f"no dead letter {', '.join(map(str, sorted(unknown)))}")
    return found


def _one(connection: "Connection", id_: int) -> "Record":
    from service.storage.operator_reads import dead_letter

    found = dead_letter(connection, id_)
    if found is None:
        raise CannotError(f"no dead letter {id_}")
    return found
