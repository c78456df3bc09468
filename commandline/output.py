"""Records on screen: a table or a sheet for people, JSON for programs."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from commandline.interruption import WorkInterruptedError, whole_steps
from runtime.printable import printable, printable_json

Record = Mapping[str, Any]

BASE64 = "base64:"


def show_list(found: Sequence[Record], columns: Sequence[str], *, limit: int, as_json: bool) -> None:
    """An array, or a table of ``columns``. ``found`` holds one more than ``limit`` when there are more."""
    shown = found[:limit]
    if as_json:
        say_json([plain(record) for record in shown], indent=2)
    elif shown:
        table(shown, columns)
    else:
        click.echo("none", err=True)
    if len(found) > limit:
        click.echo(f"the first {limit}; there are more: --limit", err=True)


def show_record(record: Record, *, as_json: bool) -> None:
    """An object, or one line a field."""
    if as_json:
        say_json(plain(record), indent=2)
        return
    width = max(len(name) for name in record)
    for name, value in record.items():
        if value is not None:
            click.echo(f"{name:<{width}}  {as_text(value)}")


def say(line: str, *, err: bool = False) -> None:
    """Print a line of text, to stderr with ``err``. Control characters in text from outside have no effect."""
    click.echo(printable(line), err=err)


def say_json(value: Any, *, indent: int | None = None) -> None:
    """JSON without control characters, which a program reads back unchanged."""
    click.echo(printable_json(json.dumps(value, indent=indent, ensure_ascii=False)))


def follow(what: str, batches: Iterable[int], *, total: int) -> int:
    """Progress over work that is done in batches, with its rate and the time left; how much was done in all.

    Ctrl-C ends it after the batch under way. Raises WorkInterruptedError.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    shown = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    done = 0
    with Progress(TextColumn("{task.description}"), *shown, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total, rate="")
        try:
            for size in whole_steps(batches):
                done += size
                seconds = progress.tasks[task].elapsed
                progress.update(task, advance=size, rate=f"{done / seconds:,.0f}/s" if seconds else "")
        except KeyboardInterrupt:
            raise WorkInterruptedError(done) from None
    return done


@contextmanager
def counting() -> Iterator[Callable[[str, int], None]]:
    """Shows the progress of work of unknown size. Call the result with a kind of objects and the number done since."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, Any] = {}

        def count(kind: str, more: int) -> None:
            if kind not in tasks:
                tasks[kind] = progress.add_task(kind, total=None)
            progress.advance(tasks[kind], more)

        yield count


def json_or_text(value: str) -> Any:
    """What the service writes is JSON; a dead letter that was tried again need not be."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def plain(value: Any) -> Any:
    """The value in JSON's types: times in RFC 3339 UTC, bytes as text where they are UTF-8."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            from service.domain.messages import rfc3339

            return rfc3339(value)
        case bytes() | memoryview():
            return _readable(bytes(value))
        case Mapping():
            return {str(name): plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return str(value)


def as_text(value: Any) -> str:
    """A value in a line of text that is safe on a terminal."""
    found = plain(value)
    if found is None:
        return ""
    return printable(found) if isinstance(found, str) else printable_json(json.dumps(found, ensure_ascii=False))


def _readable(value: bytes) -> str:
    """Text unchanged, and other bytes as ``base64:…``. Text that begins with this mark is encoded, too."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = BASE64
    return BASE64 + b64encode(value).decode("ascii") if text.startswith(BASE64) else text


def table(records: Sequence[Record], columns: Sequence[str]) -> None:
    """For people. An id stays whole on one line; ``columns`` that end with ``?`` go where the screen is narrow."""
    from commandline.tables import render, screen_width, show

    show(render(records, columns, as_text, screen_width()))
